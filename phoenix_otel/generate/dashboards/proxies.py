"""The Proxies: how many can be used, which fail or are slow, what health checks find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from phoenix_otel.catalog import proxy
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import limits
from phoenix_otel.generate.dashboards.panel import (
    NUMBER,
    PER_MINUTE,
    REQUESTS_PER_SECOND,
    SECONDS,
    SHARE,
    Dashboard,
    Panel,
    Row,
    Target,
    per_scraper,
)
from phoenix_otel.generate.dashboards.panel_query import FAILED, SCRAPER, PanelQuery, legend
from phoenix_otel.generate.recording_rules import FAILED_PROXY_REQUESTS

_PROXY: Final = "proxy_id"


def _rows(config: AlertConfig) -> tuple[Row, ...]:
    query = PanelQuery(config.query)
    return (
        Row(title="Pool", panels=tuple(_pool(query))),
        Row(title="Requests", panels=tuple(_requests(query, config))),
        Row(title="Health checks", panels=tuple(_health_checks(query))),
    )


def _pool(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="Healthy proxies",
        description="Proxies that each scraper may use now, and all that it has.",
        unit=NUMBER,
        targets=(
            per_scraper(query.series(proxy.HEALTHY_COUNT), "healthy"),
            per_scraper(query.series(proxy.TOTAL_COUNT), "all"),
        ),
        limits=limits.HEALTHY_PROXIES,
    )
    yield Panel(
        title="Cooldowns",
        description="Proxies that are set aside after a failure: they come back by themselves.",
        unit=NUMBER,
        targets=(per_scraper(query.series(proxy.COOLDOWN_ACTIVE)),),
    )
    yield Panel(
        title="Rotations",
        description="Proxies that the pool handed out; none while requests go on means that one proxy bears them all.",
        unit=PER_MINUTE,
        targets=(per_scraper(query.per_minute(proxy.ROTATIONS, *SCRAPER)),),
    )


def _requests(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    checks = query.count(proxy.HEALTH_CHECK_FAILURES, _PROXY)
    yield Panel(
        title="Proxies one by one",
        description="Each proxy now: requests, the share that failed, p95 of its response time, and the health checks "
        "that it failed in the page's time range.",
        unit=NUMBER,
        targets=(
            Target(expr=query.rate(proxy.REQUESTS, _PROXY), legend="Requests", unit=REQUESTS_PER_SECOND),
            Target(expr=query.share(FAILED, proxy.REQUESTS, _PROXY), legend="Failed", unit=SHARE),
            Target(expr=query.quantile(0.95, proxy.RESPONSE_TIME, _PROXY), legend="Response time", unit=SECONDS),
            Target(expr=checks, legend="Failed checks", unit=NUMBER),
        ),
        look="table",
        labels=(_PROXY,),
        width=12,
        height=10,
    )
    yield Panel(
        title="Failed requests by scraper",
        description=f"The share of requests through proxies that failed, as the alert sees it ({config.query.range}).",
        unit=SHARE,
        targets=(per_scraper(query.recorded(FAILED_PROXY_REQUESTS)),),
        limits=limits.FAILED_PROXY_REQUESTS,
        maximum=1,
        width=12,
        height=10,
    )
    yield Panel(
        title="Requests by proxy",
        description="The ten busiest proxies: is the load spread?",
        unit=REQUESTS_PER_SECOND,
        targets=(Target(expr=f"topk(10, {query.rate(proxy.REQUESTS, _PROXY)})", legend=legend(_PROXY)),),
        stacked=True,
    )
    yield Panel(
        title="Failed requests by proxy",
        description="The share that failed, for the ten proxies that are worst off.",
        unit=SHARE,
        targets=(Target(expr=f"topk(10, {query.share(FAILED, proxy.REQUESTS, _PROXY)})", legend=legend(_PROXY)),),
        limits=limits.FAILED_PROXY_REQUESTS,
        maximum=1,
    )
    yield Panel(
        title="Response time by proxy, p95",
        description="One answer in 20 took longer, through the ten slowest proxies.",
        unit=SECONDS,
        targets=(Target(expr=f"topk(10, {query.quantile(0.95, proxy.RESPONSE_TIME, _PROXY)})", legend=legend(_PROXY)),),
    )
    yield Panel(
        title="Response times",
        description="How many answers took how long, through all proxies: a band of its own is a group of slow ones.",
        unit=SECONDS,
        targets=(Target(expr=query.buckets(proxy.RESPONSE_TIME), legend=legend("le")),),
        look="heatmap",
        width=24,
    )


def _health_checks(query: PanelQuery) -> Iterator[Panel]:
    labels = (_PROXY, "reason")
    yield Panel(
        title="Health checks",
        description="Checks that were made, and those that found a proxy unhealthy.",
        unit=PER_MINUTE,
        targets=(
            Target(expr=f"60 * {query.rate(proxy.HEALTH_CHECK_DURATION, suffix='_count')}", legend="made"),
            Target(expr=query.per_minute(proxy.HEALTH_CHECK_FAILURES, "reason"), legend=f"failed: {legend('reason')}"),
        ),
    )
    yield Panel(
        title="Failed health checks in this time range",
        description="Which proxies failed and why, the first failure included.",
        unit=NUMBER,
        targets=(
            Target(expr=f"sort_desc({query.count(proxy.HEALTH_CHECK_FAILURES, *labels)})", legend="Failed checks"),
        ),
        look="table",
        labels=labels,
    )
    yield Panel(
        title="Duration of health checks by proxy, p95",
        description="The ten slowest; a check that runs into its time-out takes as long as that.",
        unit=SECONDS,
        targets=(
            Target(
                expr=f"topk(10, {query.quantile(0.95, proxy.HEALTH_CHECK_DURATION, _PROXY)})", legend=legend(_PROXY)
            ),
        ),
    )


DASHBOARD: Final = Dashboard(
    name="proxies",
    title="Phoenix scraper: Proxies",
    answers="How many proxies can be used, which ones fail or are slow, and what do health checks find?",
    rows=_rows,
)
