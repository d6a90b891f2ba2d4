"""The process's collector, for instrumentors that nobody hands one to: entry points are called without arguments."""

from __future__ import annotations

from collections.abc import Callable

from phoenix_otel.recorders import MetricsCollector

_provided: list[Callable[[], MetricsCollector]] = []


def provide(collector: Callable[[], MetricsCollector]) -> None:
    """Say where the process's collector is; the module that owns it calls this, the last one to do so wins."""
    _provided[:] = [collector]


def default_collector() -> MetricsCollector | None:
    """Return the process's collector, None while nobody has said where it is."""
    return _provided[0]() if _provided else None
