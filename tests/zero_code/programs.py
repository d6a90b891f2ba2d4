"""Starting other people's programs, with telemetry and without, and looking at them from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from phoenix_otel import environment_variables as env
from tests.http import Answer, fetch

BIN: Final = Path(sys.executable).parent
SCRAPERS: Final = Path(__file__).parent / "scrapers"
INSTRUMENT: Final = (str(BIN / "opentelemetry-instrument"),)
RUN: Final = (str(BIN / "phoenix-otel"), "run", "--")
LAUNCHERS: Final = {"opentelemetry-instrument": INSTRUMENT, "phoenix-otel run": RUN}
WARNINGS: Final = "error,ignore::ResourceWarning"
"""pymongo leaves a socket to a server that refuses it to the garbage collector, with telemetry and without."""
PATIENCE: Final = 30.0


def eventually(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait until something is so; fails if it is not in time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it has said."""

    code: int
    out: str
    err: str


class Program:
    """A program that runs; `metrics_at` is where its endpoint is."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path, metrics_at: str) -> None:
        self.metrics_at = metrics_at
        self.pid = process.pid
        self._process = process
        self._out = directory / "stdout"
        self._err = directory / "stderr"

    @property
    def out(self) -> str:
        """What it has said so far."""
        return self._out.read_text("utf-8")

    @property
    def err(self) -> str:
        """What it has complained of so far."""
        return self._err.read_text("utf-8")

    @property
    def running(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def report(self) -> dict[str, Any]:
        """Wait for the line of JSON that a scraper prints when it has scraped."""
        lines: list[str] = []

        def printed() -> bool:
            lines[:] = [line for line in self.out.splitlines(keepends=True) if line.startswith("{")]
            return bool(lines and lines[-1].endswith("\n")) or not self.running

        eventually(printed)
        assert lines, f"it ended with {self._process.returncode}:\n{self.out}\n{self.err}"
        report: dict[str, Any] = json.loads(lines[-1])
        return report

    def page(self, path: str = "/metrics", **headers: str) -> Answer:
        """Fetch a page of its endpoint."""
        return fetch(self.metrics_at, path, **headers)

    @property
    def answers(self) -> bool:
        """Tell whether its endpoint is there."""
        try:
            return self.page().status == 200
        except ConnectionError:
            return False

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> Ended:
        """Close its standard input, wait for it, and return how it ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        return self.wait()

    def wait(self) -> Ended:
        """Wait until it has ended."""
        code = self._process.wait(PATIENCE)
        return Ended(code, self.out, self.err)

    def kill(self) -> None:
        """End it, however it is."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self.running:
            self._process.kill()
            self._process.wait(PATIENCE)


def environment(**variables: str) -> dict[str, str]:
    """Return what a user's shell would have, and `variables`; errors of ours are swallowed unless these say not to."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PHOENIX_OTEL_"))}
    path = os.pathsep.join([str(BIN), inherited.get("PATH", "")])
    return inherited | {"PATH": path, "PYTHONWARNINGS": WARNINGS} | variables


@contextmanager
def started(
    command: Sequence[str], directory: Path, variables: Mapping[str, str], port: int | None = None
) -> Iterator[Program]:
    """Run a program in a directory for a block, its endpoint on a free port."""
    port = port or free_port()
    said = directory / f".said-{port}"
    said.mkdir()
    given = environment(**{env.OTEL_EXPORTER_PROMETHEUS_PORT: str(port), **variables})
    with (said / "stdout").open("wb") as out, (said / "stderr").open("wb") as err:
        process = subprocess.Popen(
            list(command), cwd=directory, env=given, stdin=subprocess.PIPE, stdout=out, stderr=err
        )
    program = Program(process, said, f"http://127.0.0.1:{port}")
    try:
        yield program
    finally:
        program.kill()


def run(command: Sequence[str], directory: Path, **variables: str) -> Ended:
    """Run a program to its end, with nothing on its standard input."""
    with started(command, directory, variables) as program:
        return program.end()
