"""Starts small programs with telemetry in processes of their own, and tells how they ended."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

WITHIN = 30.0
_BEFORE = """
import os, signal, sys, threading, time
import phoenix_otel
telemetry = phoenix_otel.configure_telemetry()
scraper = phoenix_otel.get_metrics_collector().scraper
def record(number):
    for _ in range(number):
        scraper.record_property_scraped("85001")
def say(*words):
    print(*words, flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a program ended, what it said, and how many seconds it took from when it was told to end."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def complaints(self) -> list[str]:
        """The lines that telemetry has logged."""
        return [line for line in self.err.splitlines() if "phoenix_otel" in line]


class Program:
    """A program that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def says(self, line: str) -> None:
        """Wait until it says a line."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said == line + "\n", said + (self.process.communicate(timeout=WITHIN)[1] if not said else "")

    def tells(self) -> str:
        """Wait for its next line, and return it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def hears(self, line: str, answer: str) -> None:
        """Tell it a line, and wait until it says another."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.says(answer)

    def ends(self, with_signal: int | None = None, says: str = "") -> Ended:
        """Send a signal or tell it a line, if one is given, and wait for its end."""
        began = time.monotonic()
        if with_signal is not None:
            self.process.send_signal(with_signal)
        out, err = self.process.communicate(says + "\n" if says else None, timeout=WITHIN)
        return Ended(self.process.returncode, out, err, time.monotonic() - began)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is so that a process brings about."""
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@contextmanager
def started(program: str, directory: Path, **variables: object) -> Iterator[Program]:
    """Run a program; `record(number)`, `say(...)`, `telemetry` and `scraper` are there, options come by variables."""
    path = directory / f"program{len(list(directory.glob('program*.py')))}.py"
    path.write_text(_BEFORE + textwrap.dedent(inspect.cleandoc(program)) + "\n", "utf-8")
    given = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PHOENIX_OTEL_"))}
    given |= {"OTEL_EXPORTER_PROMETHEUS_PORT": "0", "PYTHONWARNINGS": "error,ignore::ResourceWarning"}
    given |= {name: str(value) for name, value in variables.items()}
    process = subprocess.Popen(
        [sys.executable, path],
        cwd=directory,
        env=given,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Program(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its children, too
        process.communicate()


def run(program: str, directory: Path, **variables: object) -> Ended:
    """Run a program to its end."""
    with started(program, directory, **variables) as running:
        return running.ends()
