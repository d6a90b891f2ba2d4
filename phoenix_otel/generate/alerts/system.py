"""Alerts about the host."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog import system
from phoenix_otel.generate.alert import PERCENT, Alert, Tuning
from phoenix_otel.generate.promql import number_text

ALERTS: Final = (
    Alert(
        name="HighMemoryUsage",
        fires_when="more than [threshold] of the host's memory is in use",
        expression=lambda query, tuning: f"{query.series(system.MEMORY_USAGE)} > {number_text(tuning.threshold or 0)}",
        threshold=PERCENT,
        default=Tuning(severity="critical", threshold=90, hold=300, keep=300),
        summary="The host of {{ $labels.instance }} runs out of memory",
        description="{{ $value | humanize }}% of its memory is in use (limit: [threshold]).",
    ),
)
