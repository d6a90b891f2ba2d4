"""Alerts about the database."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog import database
from phoenix_otel.generate.alert import SECONDS, Alert, Tuning
from phoenix_otel.generate.promql import BY, ON, Query, duration_text, number_text
from phoenix_otel.generate.recording_rules import ALIVE, QUERY_DURATION


def _connection_failures(query: Query, tuning: Tuning) -> str:
    """Many fail; or one did and none is open: a driver that waits for its server reports no further error.

    A kind of error that is new counts with all it has: increase() does not see where it began. For the first of the
    two the scraper itself must not be new: Prometheus may just have met one that has been running for long.
    """
    errors, recent, window = query.series(database.CONNECTION_ERRORS), query.range, duration_text(tuning.window or 0)
    known = f"{ON} ({ALIVE.record(query)} offset {recent})"
    lately = f"(({errors} unless {errors} offset {recent}) and {known}) or increase({errors}[{recent}])"
    ever = f"({errors} unless {errors} offset {window}) or increase({errors}[{window}])"
    # rounded: increase() extrapolates, and makes 3.2 of 3
    return (
        f"round(sum {BY} ({lately})) > {number_text(tuning.threshold or 0)}\n"
        f"or\n"
        f"round(sum {BY} ({ever})) > 0\n"
        f"and {ON} {query.series(database.CONNECTIONS_ACTIVE)} == 0"
    )


def _slow_queries(query: Query, tuning: Tuning) -> str:
    slow = f"{QUERY_DURATION.record(query)} > {number_text(tuning.threshold or 0)}"
    return f"{slow}\nand {ON}\n{query.enough(database.QUERY_DURATION, tuning.floor, '_count')}"


ALERTS: Final = (
    Alert(
        name="DatabaseConnectionFailures",
        fires_when="more than [threshold] connections to the database fail or break within [rate_window], "
        "or none is open after one failed in the last [window]",
        expression=_connection_failures,
        default=Tuning(severity="critical", threshold=3, window=3600, hold=60, keep=300),
        summary="The database cannot be reached from {{ $labels.instance }}",
        description="{{ $value | humanize }} connections failed or broke: more than [threshold] within [rate_window], "
        "or none is open since.",
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
