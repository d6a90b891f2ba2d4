"""Alerts about the scraper itself."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog import scraper
from phoenix_otel.generate.alert import RATIO, SECONDS, Alert, Tuning
from phoenix_otel.generate.promql import BY, ON, Query, duration_text, number_text
from phoenix_otel.generate.recording_rules import ALIVE, FAILED_REQUESTS, RESPONSE_TIME


def _with_traffic(query: Query, tuning: Tuning) -> str:
    return f"and {ON}\n{query.enough(scraper.REQUESTS, tuning.floor)}"


def _failure_rate(query: Query, tuning: Tuning) -> str:
    ratio = FAILED_REQUESTS.record(query)
    return f"{ratio} > {number_text(tuning.threshold or 0)}\n{_with_traffic(query, tuning)}"


def _success_rate(query: Query, tuning: Tuning) -> str:
    ratio = FAILED_REQUESTS.record(query)
    return f"(1 - {ratio}) < {number_text(tuning.threshold or 0)}\n{_with_traffic(query, tuning)}"


def _response_time(query: Query, tuning: Tuning) -> str:
    slow = f"{RESPONSE_TIME.record(query)} > {number_text(tuning.threshold or 0)}"
    return f"{slow}\nand {ON}\n{query.enough(scraper.RESPONSE_TIME, tuning.floor, '_count')}"


def _not_responding(query: Query, tuning: Tuning) -> str:
    """Scraped and down; or heard of within the window and gone, pushed or no longer a target; or none at all."""
    alive, window = ALIVE.record(query), duration_text(tuning.window or 0)
    none = f"absent({query.series('up')}) unless on (job) {query.series('target_info')}"
    return (
        f"{query.series('up')} == 0\n"
        f"or {ON}\n0 * (max_over_time({alive}[{window}]) unless {ON} {alive})\n"
        f"or on (job)\n0 * ({none})"
    )


def _no_properties(query: Query, tuning: Tuning) -> str:
    """A series that is new in the window counts with all it has: increase() never sees where it began."""
    alive, window = ALIVE.record(query), duration_text(tuning.window or 0)
    scraped = query.series(scraper.PROPERTIES_SCRAPED, status="success")
    # also what a process scraped that has ended since
    seen = f"last_over_time({scraped}[{window}])"
    # `for` adds the rest of the window; a restart within it may take a few steps away
    steps = f"{window}:{duration_text((tuning.window or 0) / 60)}"
    return (
        f"(\n"
        f"sum {BY} (({seen} unless {scraped} offset {window}) or increase({scraped}[{window}])) == 0\n"
        f"or {ON}\n0 * ({alive} unless {ON} {seen})\n"
        f")\n"
        f"and {ON} {alive}\n"
        f"and {ON} count_over_time({alive}[{steps}]) >= 55"
    )


ALERTS: Final = (
    Alert(
        name="HighScrapingFailureRate",
        fires_when="more than [threshold] of a scraper's requests fail",
        expression=_failure_rate,
        threshold=RATIO,
        default=Tuning(severity="critical", threshold=0.5, floor=5, hold=300, keep=300),
        summary="Scraping mostly fails on {{ $labels.instance }}",
        description="{{ $value | humanizePercentage }} of the requests of the last [rate_window] failed "
        "(limit: [threshold]).",
        silences=("ScrapingSuccessRateLow",),
    ),
    Alert(
        name="ScrapingSuccessRateLow",
        fires_when="fewer than [threshold] of a scraper's requests succeed",
        expression=_success_rate,
        threshold=RATIO,
        default=Tuning(severity="warning", threshold=0.8, floor=5, hold=600, keep=300),
        summary="Scraping often fails on {{ $labels.instance }}",
        description="{{ $value | humanizePercentage }} of the requests of the last [rate_window] succeeded "
        "(limit: [threshold]).",
    ),
    Alert(
        name="SlowResponseTime",
        fires_when="the 95th percentile of response times is above [threshold]",
        expression=_response_time,
        threshold=SECONDS,
        default=Tuning(severity="warning", threshold=10, floor=5, hold=300, keep=300),
        summary="Pages come slowly on {{ $labels.instance }}",
        description="One request in 20 took longer than {{ $value | humanizeDuration }} over the last [rate_window] "
        "(limit: [threshold]).",
    ),
    Alert(
        name="ScraperNotResponding",
        fires_when="a scraper cannot be scraped, or was there in the last [window] and is gone, "
        "or there is none at all",
        expression=_not_responding,
        default=Tuning(severity="critical", window=3600, hold=60),
        summary="Scraper {{ with $labels.instance }}{{ . }}{{ else }}(none is known){{ end }} does not respond",
        description="Its metrics cannot be had (up: {{ $value | humanize }}): the process has ended, hangs, "
        "or cannot be reached.",
        silences=("*",),
    ),
    Alert(
        name="SessionExpired",
        fires_when="the session is not valid",
        expression=lambda query, _: f"{query.series(scraper.SESSION_VALID)} == 0",
        default=Tuning(severity="info", hold=300),
        summary="The session of {{ $labels.instance }} has expired",
        description="scraper_session_valid is {{ $value | humanize }}: the site does not accept the session, "
        "and no new one has been opened.",
    ),
    Alert(
        name="SessionAgeTooOld",
        fires_when="the session is older than [threshold]",
        expression=lambda query, tuning: f"{query.series(scraper.SESSION_AGE)} > {number_text(tuning.threshold or 0)}",
        threshold=SECONDS,
        default=Tuning(severity="info", threshold=86_400, hold=300),
        summary="The session of {{ $labels.instance }} is old",
        description="It is {{ $value | humanizeDuration }} old (limit: [threshold]).",
    ),
    Alert(
        name="NoPropertiesScraped",
        fires_when="a scraper that has been up for [window] has scraped no property in that time",
        expression=_no_properties,
        default=Tuning(severity="info", window=3600, hold=300),
        summary="No property scraped on {{ $labels.instance }}",
        description="{{ $value | humanize }} properties came in during the last [window], though the scraper is up.",
    ),
)
