"""Alerts about rate limits."""

from __future__ import annotations

from typing import Final

from phoenix_otel.generate.alert import Alert, Tuning
from phoenix_otel.generate.promql import number_text
from phoenix_otel.generate.recording_rules import RATE_LIMIT_HITS

ALERTS: Final = (
    Alert(
        name="HighRateLimitHits",
        fires_when="rate limits, ours and the site's together, are hit more than [threshold] times a minute",
        expression=lambda query, tuning: f"60 * {RATE_LIMIT_HITS.record(query)} > {number_text(tuning.threshold or 0)}",
        default=Tuning(severity="warning", threshold=10, hold=300, keep=300),
        summary="Rate limits are hit often on {{ $labels.instance }}",
        description="{{ $value | humanize }} hits a minute over the last [rate_window] (limit: [threshold]).",
    ),
)
