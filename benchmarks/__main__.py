"""make bench: measure everything in one run, write docs/performance.md and its plot. Nothing fails for being slow."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import scrape, start
from benchmarks.peers import SCRAPED
from benchmarks.plot import draw
from benchmarks.report import write

ROOT = Path(__file__).parents[1]
LAGS = ("elsewhere", "phoenix", "plain", "prometheus_client")
MEMORY_SIZES = {"counter": 20_000, "histogram": 5_000}

ONE = """
import json, sys
from benchmarks import {module}
print(json.dumps({module}.{function}(*json.loads(sys.argv[1]))))
"""


def one(module: str, function: str, *arguments: Any) -> Any:
    """Measure one thing in a process of its own."""
    print(f"  {module}.{function} {' '.join(map(str, arguments))}", file=sys.stderr, flush=True)
    program = ONE.format(module=module, function=function)
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(arguments)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def best(measured: list[dict[str, float] | None]) -> dict[str, float] | None:
    """Return the smallest of each number: what the machine was busy with besides is no part of it."""
    good = [each for each in measured if each]
    return {name: min(each[name] for each in good) for name in good[0]} if good else None


def measure_all() -> dict[str, Any]:
    """Return every number, by what was measured."""
    names = [peer.name for peer in SCRAPED]
    sizes = [("counter", size) for size in scrape.SIZES] + [("histogram", scrape.HISTOGRAMS)]
    rounds = range(3)  # the peers take turns in each
    lags: dict[str, list[Any]] = {how: [] for how in LAGS}
    starts: dict[str, list[Any]] = {name: [] for name in start.STARTS}
    for _ in rounds:
        for how in LAGS:
            lags[how].append(one("telemetry", "measure_loop_lag", how))
        for name in starts:
            starts[name] += [one("start", "measure", name) for _ in rounds]
    return {
        "record": one("record", "measure"),
        "page": one("page", "measure"),
        "scrape": {
            f"{kind} {size}": {name: one("scrape", "measure_scrape", name, kind, size) for name in names}
            for kind, size in sizes
        },
        "memory": {
            kind: {name: one("scrape", "measure_memory", name, kind, size) for name in names}
            for kind, size in MEMORY_SIZES.items()
        },
        "lag": {how: best(measured) for how, measured in lags.items()},
        "cpu": {how: one("telemetry", "measure_cpu", how) for how in LAGS[1:]},
        "start": {name: best(measured) for name, measured in starts.items()},
        "requests": one("telemetry", "measure_requests"),
    }


def main() -> None:
    """Measure, or with a file of numbers as argument write about these."""
    if len(sys.argv) > 1:
        numbers = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    else:
        began = time.strftime("%Y-%m-%d")
        numbers = {"date": began, **measure_all()}
        (ROOT / ".bench.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    (ROOT / "docs" / "performance.md").write_text(write(numbers), encoding="utf-8")
    draw(numbers, ROOT / "docs" / "images" / "performance.png")


if __name__ == "__main__":
    main()
