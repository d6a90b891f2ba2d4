"""A real MongoDB wire server for tests: FerretDB on a free loopback port, which can be killed and come back."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
import pytest

from tests.stack.process import Server, binary, free_port, running

_OP_MSG = 2013


def ferretdb_binary() -> str:
    """Return the server's path; without it skip, or fail where the stack is required."""
    return binary("ferretdb")


class MongoServer(Server):
    """One server; `start` after `kill` or `stop` brings it back on the same port with the same documents."""

    def __init__(self, binary: str, directory: Path) -> None:
        super().__init__("ferretdb", directory / "ferretdb.log")
        self.port = free_port()
        self._binary = binary
        self._data = directory / "data"
        self._data.mkdir(parents=True)

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        return f"mongodb://{self.name}/"

    def command(self) -> Sequence[str]:
        return [self._binary, "-listen", self.name, "-dir", str(self._data)]

    def answers(self) -> bool:
        """Tell whether it answers a ping, without a driver: tests count what drivers do."""
        try:
            return _ping(("127.0.0.1", self.port)).get("ok") == 1.0
        except (OSError, struct.error):
            return False


@contextmanager
def running_mongo(directory: Path) -> Iterator[MongoServer]:
    """Run a server of its own for a block."""
    with running(MongoServer(ferretdb_binary(), directory)) as server:
        yield server


@pytest.fixture
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """Run a server for one test."""
    with running_mongo(tmp_path_factory.mktemp("mongo")) as server:
        yield server


def _ping(address: tuple[str, int]) -> dict[str, Any]:
    body = struct.pack("<IB", 0, 0) + bson.encode({"ping": 1, "$db": "admin"})
    with socket.create_connection(address, timeout=2) as connection:
        connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, _OP_MSG) + body)
        with connection.makefile("rb") as answer:
            (length,) = struct.unpack("<i", answer.read(4))
            reply: dict[str, Any] = bson.decode(answer.read(length - 4)[12 + 5 :])
            return reply
