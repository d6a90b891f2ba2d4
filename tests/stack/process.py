"""A real server as a child process, for tests: started until it answers, killed, stopped, paused, brought back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

import pytest

from tests.http import fetch

ROOT = Path(__file__).parents[2]
START_WITHIN = 20.0
STOP_WITHIN = 10.0


def binary(component: str, command: str | None = None) -> str:
    """Return a server's path; without it skip, or fail where the stack is required."""
    name = command or component
    built = ROOT / ".stack" / "bin" / name
    found = str(built) if built.exists() else shutil.which(name)
    if found is None:
        reason = f"{name} is not installed; run: tests/stack/install {component}"
        if os.environ.get("PHOENIX_OTEL_REQUIRE_STACK") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def says_ok(base: str, path: str) -> bool:
    """Tell whether a server answers a request with 200."""
    try:
        return fetch(base, path).status == 200
    except (OSError, HTTPException):
        return False


class Server(ABC):
    """One process; `start` after `kill` or `stop` brings it back as it was, on the same port with the same data."""

    def __init__(self, name: str, log: Path) -> None:
        self._name = name
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What to run."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether it is ready."""

    @property
    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text("utf-8", errors="replace")

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(list(self.command()), stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_WITHIN
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._name} does not answer:\n{self.log[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end and return its exit status."""
        return self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it answer nothing until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None, "it is not running"
        self._process.send_signal(which)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(timeout=STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


ServerT = TypeVar("ServerT", bound=Server)


@contextmanager
def running(server: ServerT) -> Iterator[ServerT]:
    """Run a server for a block."""
    server.start()
    try:
        yield server
    finally:
        server.kill()
