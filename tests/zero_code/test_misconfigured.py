"""What is wrong with the configuration is one clear line; the scraper does not notice."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.zero_code.numbers import value
from tests.zero_code.programs import INSTRUMENT, LAUNCHERS, RUN, Ended, eventually, run, started

SHOP = """\
class Scraper:
    def search_properties_by_zipcode(self, zipcode):
        return [zipcode]
"""
SCRAPER = """\
import sys
from shop import Scraper

class Local(Scraper):
    pass

print("found", Scraper().search_properties_by_zipcode("85001"), flush=True)
print("found", Local().search_properties_by_zipcode("85002"), flush=True)
print("a complaint of its own", file=sys.stderr)
sys.stdin.read()
raise SystemExit(7)
"""
OWN = "a complaint of its own"


@dataclass(frozen=True)
class Wrong:
    """Something wrong: by variables or files; `line` is what is said about it."""

    line: str
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


WRONG = {
    "unknown metrics exporter": Wrong(
        r"phoenix_otel: telemetry is off: option exporters: 'prometeus' from environment variable "
        r"OTEL_METRICS_EXPORTER is not allowed; allowed: some of prometheus, otlp, console, or none",
        {"OTEL_METRICS_EXPORTER": "prometeus"},
    ),
    "unknown traces exporter": Wrong(
        r"phoenix_otel: telemetry is off: option traces_exporters: 'jaeger' from environment variable "
        r"OTEL_TRACES_EXPORTER is not allowed; allowed: some of otlp, console, or none",
        {"OTEL_TRACES_EXPORTER": "jaeger"},
    ),
    "port that is none": Wrong(
        r"phoenix_otel: telemetry is off: option port: 'abc' from environment variable OTEL_EXPORTER_PROMETHEUS_PORT "
        r"is not allowed; allowed: a whole number from 0 to 65535",
        {"OTEL_EXPORTER_PROMETHEUS_PORT": "abc"},
    ),
    "host of somebody else": Wrong(
        r"phoenix_otel: telemetry is off: option host: '192\.0\.2\.1' from environment variable "
        r"OTEL_EXPORTER_PROMETHEUS_HOST cannot be listened on \(.*\); allowed: an address of this machine",
        {"OTEL_EXPORTER_PROMETHEUS_HOST": "192.0.2.1"},
    ),
    "two wrong values": Wrong(
        r"phoenix_otel: telemetry is off: option port: .*; option collection_interval: .*",
        {"OTEL_EXPORTER_PROMETHEUS_PORT": "-1", "PHOENIX_OTEL_COLLECTION_INTERVAL": "0"},
    ),
    "class that is no path": Wrong(
        r"phoenix_otel: telemetry is off: option scraper: 'shop\.Scraper' from environment variable "
        r"PHOENIX_OTEL_SCRAPER is not allowed; allowed: package\.module:Class, .*",
        {"PHOENIX_OTEL_SCRAPER": "shop.Scraper"},
    ),
    "missing class": Wrong(
        r"phoenix_otel: there is no class shop:Scrapper; it is not instrumented",
        {"PHOENIX_OTEL_SCRAPER": "shop:Scrapper"},
    ),
    "class that is a function": Wrong(
        r"phoenix_otel: there is no class shop:Scraper\.search_properties_by_zipcode; it is not instrumented",
        {"PHOENIX_OTEL_SCRAPER": "shop:Scraper.search_properties_by_zipcode"},
    ),
    "module that is never imported": Wrong(
        r"phoenix_otel: no class shops:Scraper has come up; nothing of it was recorded",
        {"PHOENIX_OTEL_SCRAPER": "shops:Scraper"},
    ),
    "missing class of the program": Wrong(
        r"phoenix_otel: no class __main__:Locale has come up; nothing of it was recorded",
        {"PHOENIX_OTEL_SCRAPER": "__main__:Locale"},
    ),
    "missing method": Wrong(
        r"phoenix_otel: shop:Scraper has no method fetch_page",
        files={"phoenix-otel.toml": '[scraper]\nclass = "shop:Scraper"\nmethods.fetch_page.endpoint = "page"\n'},
    ),
    "missing method of the program's class": Wrong(
        r"phoenix_otel: __main__:Local has no method fetch_page",
        files={"phoenix-otel.toml": '[scraper]\nclass = "__main__:Local"\nmethods.fetch_page.endpoint = "page"\n'},
    ),
    "part that is none": Wrong(
        r"phoenix_otel: telemetry is off: option scraper: .* from file .*phoenix-otel\.toml is not allowed; .*",
        files={"phoenix-otel.toml": '[scraper]\nclass = "shop:Scraper"\nmethods.fetch_page = "scrap"\n'},
    ),
    "broken file": Wrong(
        r"phoenix_otel: telemetry is off: .*phoenix-otel\.toml.*", files={"phoenix-otel.toml": "port = [9100\n"}
    ),
    "unknown name in the file": Wrong(
        r"phoenix_otel: telemetry is off: option prot: 9100 from file .*pyproject\.toml is unknown; .* port\?",
        files={"pyproject.toml": "[tool.phoenix_otel]\nprot = 9100\n"},
    ),
    "file that is not there": Wrong(
        r"phoenix_otel: telemetry is off: .*nowhere\.toml.*", {"PHOENIX_OTEL_CONFIG_FILE": "nowhere.toml"}
    ),
}


def prepared(directory: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"shop.py": SHOP, "scraper.py": SCRAPER, **files}.items():
        (directory / name).write_text(text, "utf-8")
    return directory


@pytest.fixture(scope="module")
def without_telemetry(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """How the scraper runs by itself."""
    return run([sys.executable, "scraper.py"], prepared(tmp_path_factory.mktemp("bare"), {}))


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How the scraper runs with each of them, by one command or the other; some at a time, for each takes a second."""

    def end(number: int) -> Ended:
        case = list(WRONG.values())[number]
        launcher = INSTRUMENT if number % 2 else RUN
        directory = prepared(tmp_path_factory.mktemp("wrong"), case.files)
        return run([*launcher, sys.executable, "scraper.py"], directory, **case.variables)

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(WRONG, pool.map(end, range(len(WRONG))), strict=True))


@pytest.mark.parametrize("wrong", WRONG)
def test_one_line_and_the_scraper_runs(wrong: str, without_telemetry: Ended, ends: dict[str, Ended]) -> None:
    ended, case = ends[wrong], WRONG[wrong]

    assert (ended.code, ended.out) == (without_telemetry.code, without_telemetry.out)
    lines = ended.err.splitlines()
    assert lines.count(OWN) == 1
    lines.remove(OWN)
    assert len(lines) == 1, ended.err
    assert re.fullmatch(case.line, lines[0]), lines[0]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_busy_port_is_replaced_and_said(launcher: str, without_telemetry: Ended, tmp_path: Path) -> None:
    command = [*LAUNCHERS[launcher], sys.executable, "scraper.py"]
    variables = {"PHOENIX_OTEL_SCRAPER": "shop:Scraper"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        with started(command, prepared(tmp_path, {}), variables, port) as scraper:
            eventually(lambda: OWN in scraper.err)
            warning = scraper.err.splitlines()[0]
            found = re.search(rf"{port}\b.*\b(\d{{4,5}})\b", warning)
            assert found is not None, warning
            scraper.metrics_at = f"http://127.0.0.1:{found[1]}"
            counted = value(scraper.page().text, "scraper_requests_total", endpoint="search", status="success")
            ended = scraper.end()

    assert counted == 2
    assert (ended.code, ended.out) == (without_telemetry.code, without_telemetry.out)
    assert ended.err.splitlines() == [warning, OWN]


@pytest.mark.parametrize(
    ("launcher", "variables"),
    list(zip(LAUNCHERS, [{"OTEL_SDK_DISABLED": "true"}, {"PHOENIX_OTEL_ENABLED": "false"}], strict=True)),
)
def test_switched_off_is_off_and_silent(
    launcher: str, variables: dict[str, str], without_telemetry: Ended, tmp_path: Path
) -> None:
    named = {"PHOENIX_OTEL_SCRAPER": "shop:Nobody"}
    ended = run([*LAUNCHERS[launcher], sys.executable, "scraper.py"], prepared(tmp_path, {}), **variables, **named)

    assert ended == without_telemetry
