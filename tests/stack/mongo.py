"""A real MongoDB wire server for tests: FerretDB on a free loopback port, which can be killed and come back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
import pytest

ROOT = Path(__file__).parents[2]
INSTALL = "tests/stack/install ferretdb"
START_WITHIN = 20.0
_OP_MSG = 2013


def ferretdb_binary() -> str:
    """Return the server's path; without it skip, or fail where the stack is required."""
    built = ROOT / ".stack" / "bin" / "ferretdb"
    binary = str(built) if built.exists() else shutil.which("ferretdb")
    if binary is None:
        reason = f"ferretdb is not installed; run: {INSTALL}"
        if os.environ.get("PHOENIX_OTEL_REQUIRE_STACK") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return binary


class MongoServer:
    """One server; `start` after `kill` or `stop` brings it back on the same port with the same documents."""

    def __init__(self, binary: str, directory: Path) -> None:
        self.port = _free_port()
        self._binary = binary
        self._data = directory / "data"
        self._log = directory / "ferretdb.log"
        self._data.mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        return f"mongodb://{self.name}/"

    def start(self) -> None:
        """Start it and wait until it answers a ping."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-listen", self.name, "-dir", str(self._data)], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_WITHIN
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"ferretdb does not answer:\n{self._log.read_text('utf-8')[-2000:]}")
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

    def answers(self) -> bool:
        """Tell whether it answers a ping, without a driver: tests count what drivers do."""
        try:
            return _ping(("127.0.0.1", self.port)).get("ok") == 1.0
        except (OSError, struct.error):
            return False

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None, "it is not running"
        self._process.send_signal(which)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextmanager
def running_mongo(directory: Path) -> Iterator[MongoServer]:
    """Run a server of its own for a block."""
    server = MongoServer(ferretdb_binary(), directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """Run a server for one test."""
    with running_mongo(tmp_path_factory.mktemp("mongo")) as server:
        yield server


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _ping(address: tuple[str, int]) -> dict[str, Any]:
    body = struct.pack("<IB", 0, 0) + bson.encode({"ping": 1, "$db": "admin"})
    with socket.create_connection(address, timeout=2) as connection:
        connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, _OP_MSG) + body)
        with connection.makefile("rb") as answer:
            (length,) = struct.unpack("<i", answer.read(4))
            reply: dict[str, Any] = bson.decode(answer.read(length - 4)[12 + 5 :])
            return reply
