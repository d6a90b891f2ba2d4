"""Alerts about the database."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog import database
from phoenix_otel.generate.alert import SECONDS, Alert, Tuning
from phoenix_otel.generate.promql import BY, ON, Query, number_text
from phoenix_otel.generate.recording_rules import ALIVE, QUERY_DURATION


def _connection_failures(query: Query, tuning: Tuning) -> str:
    """A kind of error that is new counts with all it has, where the scraper itself is not new."""
    errors, window = query.series(database.CONNECTION_ERRORS), query.range
    return (
        f"sum {BY} (\n"
        f"(({errors} unless {errors} offset {window}) and {ON} ({ALIVE.record(query)} offset {window}))\n"
        f"or increase({errors}[{window}])\n"
        f") > {number_text(tuning.threshold or 0)}"
    )


def _slow_queries(query: Query, tuning: Tuning) -> str:
    slow = f"{QUERY_DURATION.record(query)} > {number_text(tuning.threshold or 0)}"
    measured = query.increase(database.QUERY_DURATION, "_count")
    return f"{slow}\nand {ON}\n{measured} >= {number_text(tuning.floor or 0)}"


ALERTS: Final = (
    Alert(
        name="DatabaseConnectionFailures",
        fires_when="more than [threshold] connections to the database fail or break within [rate_window]",
        expression=_connection_failures,
        default=Tuning(severity="critical", threshold=3, hold=60, keep=300),
        summary="The database cannot be reached from {{ $labels.instance }}",
        description="{{ $value | humanize }} connections failed or broke in the last [rate_window] "
        "(limit: [threshold]).",
        silences=("SlowDatabaseQueries",),
    ),
    Alert(
        name="SlowDatabaseQueries",
        fires_when="the 95th percentile of database operations is above [threshold]",
        expression=_slow_queries,
        threshold=SECONDS,
        default=Tuning(severity="warning", threshold=5, floor=5, hold=300, keep=300),
        summary="The database is slow for {{ $labels.instance }}",
        description="One operation in 20 took longer than {{ $value | humanizeDuration }} over the last "
        "[rate_window] (limit: [threshold]).",
    ),
)
