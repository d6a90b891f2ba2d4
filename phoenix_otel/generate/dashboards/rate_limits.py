"""The Rate limits: who limits us, how long we wait, how much is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from phoenix_otel.catalog import rate_limit
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import limits
from phoenix_otel.generate.dashboards.panel import (
    NUMBER,
    PER_MINUTE,
    SECONDS,
    SHARE,
    Dashboard,
    Panel,
    Row,
    Target,
    per_scraper,
)
from phoenix_otel.generate.dashboards.panel_query import PanelQuery, legend
from phoenix_otel.generate.recording_rules import RATE_LIMIT_HITS

_ENDPOINT: Final = "endpoint"


def _rows(config: AlertConfig) -> tuple[Row, ...]:
    query = PanelQuery(config.query)
    return (
        Row(title="Hits", panels=tuple(_hits(query, config))),
        Row(title="Waits", panels=tuple(_waits(query))),
        Row(title="Quota", panels=tuple(_quota(query))),
    )


def _hits(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    labels = (_ENDPOINT, "limit_type")
    yield Panel(
        title="Hits by scraper",
        description=f"Limits that each scraper hit, per minute over {config.query.range}, as the alert sees it.",
        unit=PER_MINUTE,
        targets=(per_scraper(f"60 * ({query.or_zero(query.recorded(RATE_LIMIT_HITS))})"),),
        limits=limits.RATE_LIMIT_HITS,
    )
    yield Panel(
        title="Hits by endpoint and limit",
        description="Hits of our own limiter (throttle) keep us polite; those of the site (server) come before bans.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(rate_limit.HITS, *labels), legend=legend(*labels)),),
        stacked=True,
    )
    yield Panel(
        title="Hits in this time range",
        description="Every hit of the page's time range, the first of its kind included.",
        unit=NUMBER,
        targets=(Target(expr=f"sort_desc({query.count(rate_limit.HITS, *labels)})", legend="Hits"),),
        look="table",
        labels=labels,
    )


def _waits(query: PanelQuery) -> Iterator[Panel]:
    wait = rate_limit.WAIT_TIME
    yield Panel(
        title="Time spent waiting",
        description="Seconds of waiting per second: at 1 it is as if one worker did nothing but wait.",
        unit=NUMBER,
        targets=(Target(expr=query.rate(wait, _ENDPOINT, suffix="_sum"), legend=legend(_ENDPOINT)),),
        stacked=True,
    )
    yield Panel(
        title="Wait time, p50 and p95",
        description="How long one wait is.",
        unit=SECONDS,
        targets=tuple(
            Target(expr=query.quantile(quantile, wait, _ENDPOINT), legend=f"{name} {legend(_ENDPOINT)}")
            for name, quantile in (("p50", 0.5), ("p95", 0.95))
        ),
    )
    yield Panel(
        title="Waits",
        description="How many waits were how long.",
        unit=SECONDS,
        targets=(Target(expr=query.buckets(wait), legend=legend("le")),),
        look="heatmap",
    )


def _quota(query: PanelQuery) -> Iterator[Panel]:
    used = query.total(rate_limit.CURRENT_RATE, _ENDPOINT)
    left = query.total(rate_limit.LIMIT_REMAINING, _ENDPOINT)
    yield Panel(
        title="Requests in the window",
        description="Requests in the limiters' current windows, of all chosen scrapers.",
        unit=NUMBER,
        targets=(Target(expr=used, legend=legend(_ENDPOINT)),),
    )
    yield Panel(
        title="Requests left in the window",
        description="What the limiters still allow in their current windows; at 0 the next request waits.",
        unit=NUMBER,
        targets=(Target(expr=left, legend=legend(_ENDPOINT)),),
    )
    yield Panel(
        title="Quota in use",
        description="The share of the quota that is used up: near 100% the limiter sets the pace.",
        unit=SHARE,
        targets=(Target(expr=f"{used} / ({used} + {left})", legend=legend(_ENDPOINT)),),
        maximum=1,
    )


DASHBOARD: Final = Dashboard(
    name="rate_limits",
    title="Phoenix scraper: Rate limits",
    answers="Who limits us, ourselves or the site? How long do we wait, and how much of the quota is left?",
    rows=_rows,
)
