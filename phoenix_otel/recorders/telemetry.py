"""Shows what the measuring itself takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from phoenix_otel.catalog import telemetry
from phoenix_otel.recorders.instruments import Instruments

SourceT = TypeVar("SourceT")


class TelemetryRecorder:
    """The number of series of each metric."""

    def __init__(self, instruments: Instruments) -> None:
        self._series = instruments.observable(telemetry.SERIES)
        self.observe_series(instruments, Instruments.series)

    def observe_series(self, source: SourceT, series: Callable[[SourceT], Iterable[tuple[str, int]]]) -> None:
        """Ask `series(source)` at each collection for Prometheus names and numbers; the source is held weakly."""
        own = telemetry.SERIES.prometheus_name  # it would grow while it is read
        self._series.ask(source, lambda asked: [((name,), number) for name, number in series(asked) if name != own])
