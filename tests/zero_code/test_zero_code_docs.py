"""docs/zero-code.md: every command and file in it is run as it stands, on a port and with servers of the test's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from phoenix_otel.class_targets import PROXY_MANAGER_PARTS, RATE_LIMITER_PARTS, SCRAPER_PARTS
from phoenix_otel.config import resolve
from phoenix_otel.distro import _REPLACED
from tests.stack.mongo import MongoServer
from tests.zero_code.programs import eventually, free_port, run, started
from tests.zero_code.receiver import Receiver, receiving
from tests.zero_code.world import world_running

PAGE = Path(__file__).parents[2] / "docs" / "zero-code.md"
TEXT = PAGE.read_text("utf-8")
CHROMIUM = shutil.which("chromium")


@dataclass
class Section:
    """What is under one heading: files, the commands one after another, and the series that must show."""

    files: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)

    @property
    def exported(self) -> dict[str, str]:
        """The variables that it sets."""
        pairs = (line.removeprefix("export ") for line in self.commands if line.startswith("export "))
        return dict(pair.split("=", 1) for pair in pairs)

    @property
    def program(self) -> list[str]:
        """The command that starts the scraper."""
        (line,) = (line for line in self.commands if line.startswith(("phoenix-otel run", "opentelemetry-instrument")))
        return shlex.split(line)


def sections() -> dict[str, Section]:
    """Read the page."""
    found: dict[str, Section] = {}
    for title, body in re.findall(r"^##+ (.+?)\n(.*?)(?=^##+ |\Z)", TEXT, re.DOTALL | re.MULTILINE):
        section = found.setdefault(title, Section())
        for name, _, text in re.findall(r"\*\*`([\w.-]+)`\*\*\n\n```(py|toml)\n(.*?)```", body, re.DOTALL):
            section.files[name] = text
        section.commands = "".join(re.findall(r"```console\n(.*?)```", body, re.DOTALL)).splitlines()
        section.series = "".join(re.findall(r"```text\n(.*?)```", body, re.DOTALL)).splitlines()
    return found


SECTIONS = sections()
INSTALLS = sorted(set(re.findall(r"pip install [^`\n]+", TEXT)))


def shown(title: str, directory: Path, **variables: str) -> None:
    """Run a section: write its files, start its program, and look with its own command until every series is there."""
    section = SECTIONS[title]
    assert section.series
    for name, text in section.files.items():
        (directory / name).write_text(text, "utf-8")
    (look,) = (line for line in section.commands if line.startswith("curl "))
    port = free_port()
    look = look.replace(":9090/", f":{port}/")
    seen: list[str] = []

    def everything_is_there() -> bool:
        assert program.running, program.err
        seen[:] = subprocess.run(shlex.split(look), capture_output=True, text=True, check=False).stdout.splitlines()
        return all(any(line.startswith(series) for line in seen) for series in section.series)

    with started(section.program, directory, section.exported | variables, port) as program:
        eventually(everything_is_there)
        assert program.err == ""


def test_aiohttp(tmp_path: Path) -> None:
    with world_running() as world:
        shown("aiohttp", tmp_path, SITE=world.site.url, PROXIES=world.proxy_urls)


@pytest.mark.skipif(find_spec("playwright") is None, reason="playwright is not installed; run: pip install playwright")
@pytest.mark.skipif(CHROMIUM is None, reason="there is no browser; run: apt-get install chromium")
def test_playwright(tmp_path: Path) -> None:
    with world_running() as world:
        arguments = "--no-sandbox --disable-background-networking"
        shown("Playwright", tmp_path, SITE=world.site.url, CHROMIUM=str(CHROMIUM), CHROMIUM_ARGS=arguments)


def test_motor(tmp_path: Path, mongo: MongoServer) -> None:
    shown("Motor", tmp_path, MONGO_URI=mongo.uri, PHOENIX_OTEL_COLLECTION_STATS_URI=mongo.uri)


@pytest.mark.parametrize("command", INSTALLS)
def test_installing(command: str, tmp_path: Path) -> None:
    """What is installed already is found to be there, without a network."""
    if "playwright" in command and find_spec("playwright") is None:
        pytest.skip("playwright is not installed; run: pip install playwright")
    words = [sys.executable, "-m", *shlex.split(command)]
    ended = run(words, tmp_path, PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONWARNINGS="default")
    assert ended.code == 0, ended.err


def test_methods_by_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phoenix-otel.toml").write_text(SECTIONS["Methods by other names"].files["phoenix-otel.toml"], "utf-8")

    options = resolve().options

    targets = {"scraper": SCRAPER_PARTS, "proxy_manager": PROXY_MANAGER_PARTS, "rate_limiter": RATE_LIMITER_PARTS}
    for name, parts in targets.items():
        target = getattr(options, name)
        assert str(target).startswith("shop.")
        assert target.methods
        assert {method.part for method in target.methods.values()} <= set(parts)
    assert options.scraper is not None
    fetch_page = options.scraper.methods["fetch_page"]
    assert (fetch_page.part, fetch_page.endpoint) == ("request", "page")


def test_variables_of_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = re.findall(r"\| `(PHOENIX_OTEL_\w+)=([\w.:]+)` \| `(\w+)` \|", TEXT)
    assert len(rows) == 3
    for variable, value, option in rows:
        monkeypatch.setenv(variable, value)
        assert str(getattr(resolve().options, option)) == value


def test_traces_are_asked_for_as_told() -> None:
    exported = SECTIONS["Traces"].exported
    options = resolve(environ=exported).options
    assert (options.traces_exporters, options.otlp_endpoint) == (("otlp",), "http://localhost:4318")


def test_traces(tmp_path: Path) -> None:
    section = SECTIONS["aiohttp"]
    for name, text in section.files.items():
        (tmp_path / name).write_text(text, "utf-8")
    with world_running() as world, receiving() as receiver:
        variables = SECTIONS["Traces"].exported | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "SITE": world.site.url,
            "PROXIES": world.proxy_urls,
        }
        with started(section.program, tmp_path, variables) as program:
            eventually(lambda: ("GET", "request") in set(_children(receiver)))
            assert program.err == ""


def _children(receiver: Receiver) -> Iterator[tuple[str, str]]:
    """Return the names of each span and its parent."""
    names = {span.id: span.name for span in receiver.spans}
    return ((span.name, names[span.parent]) for span in tuple(receiver.spans) if span.parent in names)


def test_several_distros(tmp_path: Path) -> None:
    section = SECTIONS["Several distros"]
    ended = run(section.program, tmp_path, **section.exported)
    assert (ended.code, ended.out, ended.err) == (0, "scraped\n", "")


def test_entry_points_are_those_that_there_are() -> None:
    told = set(re.findall(r"`(phoenix_\w+)`", TEXT.split("## Several distros")[1].split("\n\n```")[0]))
    ours = {found.name for found in entry_points(group="opentelemetry_instrumentor") if "phoenix_otel" in found.value}
    assert told == ours


def test_replaced_instrumentors_are_those_that_there_are() -> None:
    told = re.findall(r"`([\w-]+)`", TEXT.split("Ours take the place of")[1].split(";")[0])
    assert set(told) == _REPLACED


def test_another_configurator_leaves_us_off(tmp_path: Path) -> None:
    probe = "from phoenix_otel.telemetry import active_config; print(active_config())"
    ended = run(
        ["opentelemetry-instrument", "python", "-c", probe], tmp_path, OTEL_PYTHON_CONFIGURATOR="somebody_elses"
    )
    assert (ended.code, ended.out) == (0, "None\n")
    assert len(ended.err.splitlines()) == 1


def test_one_can_be_left_out(tmp_path: Path) -> None:
    (setting,) = re.findall(r"`(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=\w+)`", TEXT)
    name, value = setting.split("=")
    probe = (
        "import phoenix_otel.instrumentation.httpx as h; print(h.HttpxInstrumentor().is_instrumented_by_opentelemetry)"
    )
    assert run(["phoenix-otel", "run", "--", "python", "-c", probe], tmp_path, **{name: value}).out == "False\n"


def test_programs_that_the_scraper_starts_can_be_kept_quiet(tmp_path: Path) -> None:
    quiet = "{**os.environ, 'OTEL_SDK_DISABLED': 'true'}"
    start = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', 'print(6)'], env={quiet})"
    ended = run(["phoenix-otel", "run", "--", "python", "-c", start], tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, "6\n", "")


def test_nothing_in_the_page_is_left_unread() -> None:
    """A fence of another kind, or a command of another kind, would not be run."""
    kinds = set(re.findall(r"^```(\w+)$", TEXT, re.MULTILINE))
    commands = [line for section in SECTIONS.values() for line in section.commands]
    assert kinds == {"console", "py", "toml", "text"}
    assert {line.split()[0] for line in commands} <= {
        "export",
        "pip",
        "curl",
        "phoenix-otel",
        "opentelemetry-instrument",
    }
