"""Shows how telemetry itself is: its series, pushes that fail, errors taken in, threads started again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, Protocol, TypeVar

from phoenix_otel._guard import Guard
from phoenix_otel.catalog import Metric, telemetry
from phoenix_otel.recorders.instruments import Instruments, Reading

SourceT = TypeVar("SourceT")


class Push(Protocol):
    """What is looked at of the OTLP push; the time in seconds since 1970, None before the first success."""

    failures: int
    last_success_at: float | None


class TelemetryRecorder:
    """Counters and gauges that are read from the parts themselves, when somebody looks."""

    def __init__(self, instruments: Instruments, guard: Guard) -> None:
        self.guard = guard
        self.push: Push | None = None
        self.restarts: Mapping[str, int] = {}
        for metric in _READINGS:
            instruments.observable(metric).ask(self, partial(_read, metric))
        self._series = instruments.observable(telemetry.SERIES)
        self.observe_series(instruments, Instruments.series)

    def watch(self, push: Push | None, restarts: Mapping[str, int]) -> None:
        """Show this push, None where there is none, and these numbers of restarts by name of the thread."""
        self.push, self.restarts = push, restarts

    def observe_series(self, source: SourceT, series: Callable[[SourceT], Iterable[tuple[str, int]]]) -> None:
        """Ask `series(source)` at each collection for Prometheus names and numbers; the source is held weakly."""
        own = telemetry.SERIES.prometheus_name  # it would grow while it is read
        self._series.ask(source, lambda asked: [((name,), number) for name, number in series(asked) if name != own])


def _single(value: float | None) -> Iterable[Reading]:
    return [] if value is None else [((), value)]


_READINGS: Final[Mapping[Metric, Callable[[TelemetryRecorder], Iterable[Reading]]]] = {
    telemetry.EXPORT_FAILURES: lambda its: _single(its.push.failures if its.push else None),
    telemetry.EXPORT_LAST_SUCCESS: lambda its: _single(its.push.last_success_at if its.push else None),
    telemetry.INTERNAL_ERRORS: lambda its: _single(its.guard.errors),
    telemetry.REFUSED_VALUES: lambda its: _single(its.guard.refusals),
    telemetry.THREAD_RESTARTS: lambda its: [((thread,), number) for thread, number in its.restarts.items()],
}


def _read(metric: Metric, recorder: TelemetryRecorder) -> Iterable[Reading]:
    return _READINGS[metric](recorder)
