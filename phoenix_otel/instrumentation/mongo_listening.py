"""What the MongoDB listeners share: where they record, and that nothing they do can reach the driver."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, Protocol, TypeVar

from phoenix_otel._guard import Guard
from phoenix_otel.recorders.database import DatabaseRecorder

_own_client: Final[ContextVar[bool]] = ContextVar("phoenix_otel_own_client", default=False)


@dataclass(slots=True)
class Listening:
    """Where listeners record: `recorder` is None while not instrumented, for a driver's listeners stay for good."""

    recorder: DatabaseRecorder | None = None
    guard: Guard = field(default_factory=Guard)


class Listener(Protocol):
    """Anything that listens to the driver."""

    @property
    def listening(self) -> Listening: ...


ListenerT = TypeVar("ListenerT", bound=Listener)


def guarded(method: Callable[[ListenerT, Any], None]) -> Callable[[ListenerT, Any], None]:
    """Wrap a listener's method: drivers call them inline, and print what they raise."""
    where = f"listening to MongoDB ({method.__name__})"

    @wraps(method)
    def call(self: ListenerT, event: Any) -> None:
        try:
            method(self, event)
        except Exception as error:
            self.listening.guard.caught(where, error)

    return call


def server_name(address: tuple[str, int | None]) -> str:
    """Return host:port, or the path of a socket; an address holds no credentials."""
    host, port = address
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def use_own_client() -> None:
    """Say that this thread uses a client of our own from now on; the program's metrics are not about that one."""
    _own_client.set(True)


def is_own_client() -> bool:
    """Tell whether what happens here is our own doing."""
    return _own_client.get()
