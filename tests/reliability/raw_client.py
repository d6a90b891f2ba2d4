"""A client that sends whatever bytes it is told to, and reads as slowly as it likes."""

from __future__ import annotations

import re
import socket
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class RawClient:
    """One TCP connection; `receive_buffer` is how many bytes the kernel may take in for it."""

    def __init__(self, url: str, *, receive_buffer: int | None = None) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        assert address.port is not None
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(20)
        self._socket.connect((address.hostname, address.port))
        self._lines = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send, whether or not anybody listens any more."""
        try:
            self._socket.sendall(data)
        except OSError:
            pass

    def read(self, size: int) -> bytes:
        """Read at most so many bytes; none means that the other side has closed."""
        try:
            return self._socket.recv(size)
        except (ConnectionResetError, BrokenPipeError):
            return b""

    def read_all(self) -> bytes:
        """Read until the other side closes."""
        pieces = []
        while piece := self.read(65_536):
            pieces.append(piece)
        return b"".join(pieces)

    def read_answer(self) -> bytes:
        """Read one answer, as long as it says that it is; less if the other side closes before."""
        head = b""
        while not head.endswith(b"\r\n\r\n") and (line := self._lines.readline()):
            head += line
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        return head + (self._lines.read(int(length[1])) if length else b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._lines.close()
        self._socket.close()


def ask(url: str, data: bytes) -> bytes:
    """Send bytes and return the first answer to them."""
    with RawClient(url) as client:
        client.send(data)
        return client.read_answer()
