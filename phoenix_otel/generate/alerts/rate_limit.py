"""Alerts about rate limits."""

from __future__ import annotations

from typing import Final

from phoenix_otel.generate.alert import Alert, Tuning
from phoenix_otel.generate.promql import Query, number_text
from phoenix_otel.generate.recording_rules import RATE_LIMIT_HITS


def _hits_per_minute(query: Query, tuning: Tuning) -> str:
    # rounded: 10 a minute are 10.000000000000002 by the seconds
    return f"round(60 * {RATE_LIMIT_HITS.record(query)}, 0.001) > {number_text(tuning.threshold or 0)}"


ALERTS: Final = (
    Alert(
        name="HighRateLimitHits",
        fires_when="rate limits, ours and the site's together, are hit more than [threshold] times a minute",
        expression=_hits_per_minute,
        default=Tuning(severity="warning", threshold=10, hold=300, keep=300),
        summary="Rate limits are hit often on {{ $labels.instance }}",
        description="{{ $value | humanize }} hits a minute over the last [rate_window] (limit: [threshold]).",
    ),
)
