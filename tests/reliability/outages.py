"""What a Collector can do instead of taking metrics: real sockets that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tests.stack.process import free_port

Behave = Callable[[socket.socket, threading.Event], None]


@contextmanager
def misbehaving(behave: Behave, port: int = 0) -> Iterator[int]:
    """Take connections, each in a thread that does as `behave` says; returns the port."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", port), backlog=64)
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            behave(connection, over)

    def accept() -> None:
        while not over.is_set():
            with suppress(OSError):
                connection, _ = listening.accept()
                threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield listening.getsockname()[1]
    finally:
        over.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for thread in (accepting, *threads):
            thread.join(5)


def _say_nothing(_: socket.socket, over: threading.Event) -> None:
    over.wait()


def _reset(connection: socket.socket, _: threading.Event) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _say(answer: bytes) -> Behave:
    def behave(connection: socket.socket, _: threading.Event) -> None:
        connection.settimeout(5)
        received = b""
        while b"\r\n\r\n" not in received and (more := connection.recv(65_536)):
            received += more
        length = int(received.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
        missing = length - len(received.partition(b"\r\n\r\n")[2])
        while missing > 0 and (more := connection.recv(65_536)):
            missing -= len(more)
        connection.sendall(answer)

    return behave


def _drip(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.2):
        connection.sendall(b"X: y\r\n")


def _answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


BEHAVIOURS: Final[dict[str, Behave]] = {
    "silent": _say_nothing,
    "drips": _drip,
    "resets": _reset,
    "429": _say(_answer("429 Too Many Requests", "Retry-After: 1")),
    "503": _say(_answer("503 Service Unavailable", "Retry-After: 3600")),
    "500": _say(_answer("500 Internal Server Error")),
    "redirects": _say(_answer("302 Found", "Location: http://127.0.0.1:1/login")),
    "another server": _say(_answer("200 OK", "Content-Type: text/html", body=b"<html>please log in</html>")),
    "garbage": _say(b"\0\1\2 this is no HTTP\r\n\r\n"),
    "endless": _say(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000),
}


@contextmanager
def silent() -> Iterator[str]:
    """Take connections, and say nothing."""
    with misbehaving(_say_nothing) as port:
        yield f"http://127.0.0.1:{port}"


def unreachable(scheme: str = "http", host: str = "127.0.0.1") -> str:
    """Return the address of nobody."""
    return f"{scheme}://{host}:{free_port()}"
