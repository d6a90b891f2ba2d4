"""docs/performance.md from the numbers of one run: ratios first, then what they are made of."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

OURS: Final = "phoenix_otel"
CLIENT: Final = "prometheus_client"
SDK: Final = "OpenTelemetry SDK"
PACKAGES: Final = ("opentelemetry-sdk", "prometheus_client", "logfire", "aiohttp")

_INTRODUCTION: Final = """\
# Performance

<!-- made by `make bench`; edit benchmarks/report.py -->

All numbers on this page come from one run of `make bench`, in which everything takes turns on one machine:
{machine}.

The machine was busy with other work, too: trust the ratios, not the times. Of several rounds the best one counts, for
each alike.

![One record, one scrape and the memory of a series, compared](images/performance.png)

## Ratios

Smaller is better; 0.5 means half of the time or memory. *Reach* is what this project wants to reach.
"""

_HOW: Final = """
## How it is measured

- **{client}** gets label values by position, its fastest way short of keeping children by hand, and does not write
  `_created` series, so that its text has the same lines. By name is measured as well.
- **{sdk}** is its MeterProvider with its Prometheus reader, as released.
- A record builds its attributes anew, as code that measures does. At 8 threads the time is wall time over the records
  of all threads.
- A page is ten records: rotation, request, response time, content size, request and response time by proxy, property,
  query, query time, documents. By the recorders they also are cleaned, bounded and guarded.
- A series is one attribute set: a histogram's has 12 lines here. A scrape writes text 0.0.4 in memory, without HTTP.
  The first scrape also makes the texts of the labels.
- Memory is resident memory after one scrape; what the label values themselves take is not counted.
- Loop lag: a loop that works half of its time in pieces of 1 ms is scraped over HTTP with compression by another
  process, five times a second, for 6 seconds. *Of another process*: everything is the same, but the endpoint is not in
  the process of the loop; this much the machine is late by itself.
- Start: import and configuration in a fresh process, aiohttp included; memory counts when the endpoint has answered
  once.
"""


def write(numbers: dict[str, Any]) -> str:
    """Return the page."""
    parts = [
        _INTRODUCTION.format(machine=_machine(numbers["date"])),
        *_ratios(numbers),
        *_budgets(numbers),
        *_misses(numbers),
        _HOW.format(client=CLIENT, sdk=SDK),
        *_details(numbers),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _machine(date: str) -> str:
    model = next(
        (
            line.split(":")[1].strip()
            for line in _lines(Path("/proc/cpuinfo"))
            if line.startswith("model name") and ":" in line
        ),
        platform.processor() or platform.machine(),
    )
    packages = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, {python}, {packages}, {date}"


def _lines(path: Path) -> Iterable[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else ()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def _against(measured: dict[str, float], reach: tuple[float, float], ours: str = OURS) -> list[str]:
    found = [measured[ours] / measured[CLIENT], measured[ours] / measured[SDK]]
    return [text for ratio, wanted in zip(found, reach, strict=True) for text in (_ratio(ratio, wanted), f"{wanted:g}")]


def _ratio(found: float, wanted: float) -> str:
    shown = f"{found:.2f}" if found >= 0.1 else f"{found:.3f}"
    return shown if found <= wanted else f"**{shown}, missed**"


def _ratios(numbers: dict[str, Any]) -> Iterator[str]:
    record, scrape, memory = numbers["record"], numbers["scrape"], numbers["memory"]
    rows = [
        [f"{kind} of 3 attributes", *_against(record[key], (0.5, 0.12))]
        for kind, key in (("`counter.add`", "counter, 1 thread"), ("`histogram.record`", "histogram, 1 thread"))
    ]
    rows.append(["the ten records of a page", *_against(numbers["page"], (0.5, 0.12), f"{OURS}, by the recorders")])
    for key, title in _scrapes(scrape):
        rows.append([f"scrape of {title}", *_against(_by_name(scrape[key], "ms"), (0.05, 0.05))])
    rows += [[f"memory of a {kind}'s series", *_against(memory[kind], (1.0, 0.5))] for kind in memory]
    yield from _table(["work", f"against {CLIENT}", "reach", f"against the {SDK}", "reach"], rows)


def _scrapes(scrape: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in scrape:
        kind, size = key.split()
        if int(size) >= 10_000 or kind == "histogram":
            yield key, f"{int(size):,} {'counters' if kind == 'counter' else 'histograms'}"


def _by_name(measured: dict[str, Any], what: str) -> dict[str, float]:
    return {name: each[what] for name, each in measured.items()}


def _budgets(numbers: dict[str, Any]) -> Iterator[str]:
    lag, start, memory = numbers["lag"], numbers["start"], numbers["memory"]
    cpu = numbers["cpu"]["phoenix"] / 15_000 * 100
    yield "## Budgets"
    yield ""
    rows = [
        (
            "loop lag while 10,000 series are scraped, max",
            lag["phoenix"]["max_ms"],
            10.0,
            "ms",
            f"while another process is scraped instead {lag['elsewhere']['max_ms']:.1f} ms",
        ),
        ("CPU of a scrape each 15 s, 1,000 series", cpu, 0.1, "% of a core", ""),
        (
            "resident memory by import and configuration",
            start[OURS]["mb"],
            20.0,
            "MB",
            f"in a program that has aiohttp loaded {start[f'{OURS}, in a program with aiohttp']['mb']:.1f} MB",
        ),
        ("memory of 10,000 series (counters)", memory["counter"][OURS] * 1e4 / 1e6, 5.0, "MB", ""),
    ]
    if start.get("logfire"):
        ratio = start[OURS]["ms"] / start["logfire"]["ms"]
        rows.append(("import and configuration, against `logfire.configure()`", ratio, 0.5, "", ""))
    yield from _table(
        ["what", "measured", "reach", "besides"],
        (
            [
                what,
                f"{found:.3g} {unit}".strip() + (", missed" if found > wanted else ""),
                f"{wanted:g} {unit}".strip(),
                note,
            ]
            for what, found, wanted, unit, note in rows
        ),
    )


def _misses(numbers: dict[str, Any]) -> Iterator[str]:
    start = numbers["start"]
    ours, loaded = start[OURS], start[f"{OURS}, in a program with aiohttp"]
    yield "## What is not reached, and why"
    yield ""
    yield (
        f"- Memory by import and configuration: {ours['mb'] - loaded['mb']:.0f} of {ours['mb']:.0f} MB are aiohttp and "
        "what it loads, which serves the endpoint. A scraper that uses aiohttp has it anyway: there it is "
        f"{loaded['mb']:.0f} MB."
    )
    if start.get("logfire"):
        yield (
            f"- Import and configuration: the {SDK} with its Prometheus reader takes {start[SDK]['ms']:.0f} ms alone, "
            f"half of `logfire.configure()` is {start['logfire']['ms'] / 2:.0f} ms. aiohttp is most of the rest: in a "
            f"program that has it loaded, ours take {loaded['ms']:.0f} ms. Loading it later, in the endpoint's thread, "
            "was faster and wrong: a fork in the middle of an import leaves half a module to the child."
        )
    yield ""


def _budget(found: float, wanted: float, unit: str) -> str:
    shown = f"{found:.3g} {unit}".strip()
    return shown if found <= wanted else f"**{shown}, missed**"


def _details(numbers: dict[str, Any]) -> Iterator[str]:
    record = numbers["record"]
    peers = list(record["counter, 1 thread"])
    yield from ("## One record, in nanoseconds", "")
    yield from _table(
        ["record", *peers], ([kind, *(f"{measured[name]:,.0f}" for name in peers)] for kind, measured in record.items())
    )
    yield from ("## One page of ten records, in microseconds", "")
    yield from _table(["how", "time"], ([name, f"{took:.1f}"] for name, took in numbers["page"].items()))
    yield from ("## One scrape", "")
    yield from _table(
        ["series", "by", "first, ms", "later, ms", "kB", "lines"],
        (
            [
                key,
                name,
                f"{each['first_ms']:,.1f}",
                f"{each['ms']:,.2f}",
                f"{each['bytes'] / 1e3:,.0f}",
                f"{each['lines']:,}",
            ]
            for key, measured in numbers["scrape"].items()
            for name, each in measured.items()
        ),
    )
    yield from ("## Memory of a series, in bytes", "")
    yield from _table(
        ["kind", *numbers["memory"]["counter"]],
        ([kind, *(f"{each:,.0f}" for each in measured.values())] for kind, measured in numbers["memory"].items()),
    )
    yield from ("## Lag of a busy event loop while 10,000 series are scraped, in milliseconds", "")
    names = {"elsewhere": "of another process", "phoenix": OURS, "plain": f"{OURS}, `fast_path=False`", CLIENT: CLIENT}
    yield from _table(
        ["endpoint", "p99", "max"],
        ([names[how], f"{each['p99_ms']:.1f}", f"{each['max_ms']:.1f}"] for how, each in numbers["lag"].items()),
    )
    yield from ("## CPU of one scrape of 1,000 series over HTTP, in milliseconds", "")
    yield from _table(["endpoint", "CPU"], ([names[how], f"{each:.2f}"] for how, each in numbers["cpu"].items()))
    yield from ("## Import and configuration", "")
    yield from _table(
        ["what", "ms", "MB added"],
        ([name, f"{each['ms']:.0f}", f"{each['mb']:.1f}"] for name, each in numbers["start"].items() if each),
    )
    yield from ("## One request of an aiohttp client to a server on loopback, in microseconds", "")
    bare = numbers["requests"]["not measured"]
    yield from _table(
        ["measured by", "request", "overhead"],
        ([name, f"{took:.0f}", f"{took - bare:.0f}"] for name, took in numbers["requests"].items()),
    )
