"""The Overview: what a person on call looks at first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from phoenix_otel.catalog import database, proxy, scraper, system
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import limits
from phoenix_otel.generate.dashboards.limits import COLOURS, GREEN, STATUS_COLOURS
from phoenix_otel.generate.dashboards.panel import (
    NUMBER,
    PER_MINUTE,
    PERCENT,
    REQUESTS_PER_SECOND,
    SECONDS,
    SHARE,
    Dashboard,
    Panel,
    Row,
    Target,
    per_scraper,
)
from phoenix_otel.generate.dashboards.panel_query import FAILED, FIRING, SCRAPER, SUCCESS, PanelQuery, legend
from phoenix_otel.generate.promql import ON, duration_text
from phoenix_otel.generate.recording_rules import (
    ALIVE,
    FAILED_PROXY_REQUESTS,
    FAILED_REQUESTS,
    QUERY_DURATION,
    RATE_LIMIT_HITS,
    RESPONSE_TIME,
)

_stat = partial(Panel, look="stat", width=4, height=4)


def _rows(config: AlertConfig) -> tuple[Row, ...]:
    query = PanelQuery(config.query)
    return (
        Row(title="Now", panels=(*_pages(query, config), *_behind_them(query, config))),
        Row(title="Alerts and scrapers", panels=tuple(_alerts_and_scrapers(query, config))),
        Row(title="Requests", panels=tuple(_requests(query))),
        Row(title="Proxies and rate limits", panels=tuple(_proxies(query, config))),
        Row(title="Properties and database", panels=tuple(_results(query, config))),
        Row(title="Host and session", panels=tuple(_host_and_session(query))),
    )


def _pages(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    window = config.query.range
    hits = query.or_zero(query.recorded(RATE_LIMIT_HITS))
    yield _stat(
        title="Scrapers up",
        description="Scrapers that can be scraped, or that push their metrics.",
        unit=NUMBER,
        targets=(Target(expr=f"count({query.recorded(ALIVE)}) or vector(0)", legend="up"),),
        limits=limits.SCRAPERS_UP,
        leads_to="system",
    )
    yield _stat(
        title="Firing alerts",
        description="Alerts about the chosen scrapers that fire now. The table below names them.",
        unit=NUMBER,
        targets=(Target(expr=f"count({FIRING}) or vector(0)", legend="firing"),),
        values={"0": ("none", GREEN)},
        colours={"firing": COLOURS["critical"]},
    )
    yield _stat(
        title="Failed requests",
        description=f"The share of requests that failed in the last {window}, of the scraper that is worst off.",
        unit=SHARE,
        targets=(Target(expr=f"max({query.recorded(FAILED_REQUESTS)})", legend="failed"),),
        limits=limits.FAILED_REQUESTS,
        leads_to="scraper",
    )
    yield _stat(
        title="Response time, p95",
        description=f"One request in 20 of the last {window} took longer, on the slowest scraper.",
        unit=SECONDS,
        targets=(Target(expr=f"max({query.recorded(RESPONSE_TIME)})", legend="p95"),),
        limits=limits.RESPONSE_TIME,
        leads_to="scraper",
    )
    yield _stat(
        title="Healthy proxies",
        description="Proxies that may be used now, of the scraper that has the fewest.",
        unit=NUMBER,
        targets=(Target(expr=f"min({query.series(proxy.HEALTHY_COUNT)})", legend="healthy"),),
        limits=limits.HEALTHY_PROXIES,
        leads_to="proxies",
    )
    yield _stat(
        title="Rate limit hits",
        description=f"Rate limits hit per minute over the last {window}, ours and the site's, on the worst scraper.",
        unit=PER_MINUTE,
        targets=(Target(expr=f"60 * max({hits})", legend="hits"),),
        limits=limits.RATE_LIMIT_HITS,
        leads_to="rate_limits",
    )


def _behind_them(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    window, hour = config.query.range, duration_text(config.alerts["NoPropertiesScraped"].window or 0)
    properties = query.count(scraper.PROPERTIES_SCRAPED, *SCRAPER, window=hour, where=SUCCESS)
    errors = query.count(database.CONNECTION_ERRORS, *SCRAPER, window=window)
    yield _stat(
        title=f"Properties in {hour}",
        description=f"Properties that came in during the last {hour}, of the scraper with the fewest.",
        unit=NUMBER,
        targets=(Target(expr=f"min({query.or_zero(properties)})", legend="properties"),),
        limits=limits.PROPERTIES,
        leads_to="scraper",
    )
    yield _stat(
        title="Session",
        description="Whether the site accepts the session; expired if that is so for one scraper.",
        unit=NUMBER,
        targets=(Target(expr=f"min({query.series(scraper.SESSION_VALID)})", legend="session"),),
        limits=limits.SESSION_VALID,
        values={"1": ("valid", None), "0": ("expired", None)},
        leads_to="scraper",
    )
    yield _stat(
        title="Session age",
        description="How long ago the session was opened, the oldest if there are several.",
        unit=SECONDS,
        targets=(Target(expr=f"max({query.series(scraper.SESSION_AGE)})", legend="age"),),
        limits=limits.SESSION_AGE,
        leads_to="scraper",
    )
    yield _stat(
        title="Database, p95",
        description=f"One operation in 20 of the last {window} took longer, on the slowest scraper.",
        unit=SECONDS,
        targets=(Target(expr=f"max({query.recorded(QUERY_DURATION)})", legend="p95"),),
        limits=limits.QUERY_DURATION,
        leads_to="database",
    )
    yield _stat(
        title="Connection errors",
        description=f"Connections to the database that failed or broke in the last {window}, on the worst scraper.",
        unit=NUMBER,
        targets=(Target(expr=f"max({query.or_zero(errors)})", legend="errors"),),
        limits=limits.CONNECTION_ERRORS,
        leads_to="database",
    )
    yield _stat(
        title="Memory",
        description="Memory in use, of the host that has the least left.",
        unit=PERCENT,
        targets=(Target(expr=f"max({query.series(system.MEMORY_USAGE)})", legend="memory"),),
        limits=limits.MEMORY,
        leads_to="system",
    )


def _alerts_and_scrapers(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    labels, alive = ("severity", "alertname", "instance"), query.recorded(ALIVE)
    window = duration_text(config.alerts["ScraperNotResponding"].window or 0)
    yield Panel(
        title="Alerts that fire",
        description="Empty while none fires. What each means and what to do stands in docs/runbooks.md.",
        unit=NUMBER,
        targets=(Target(expr=f"sum by ({', '.join(labels)}) ({FIRING})"),),
        look="table",
        labels=labels,
        width=12,
    )
    yield Panel(
        title="Scrapers",
        description=f"When each could be heard. One that is gone is shown for {window}.",
        unit=NUMBER,
        targets=(per_scraper(f"{alive} or {ON} 0 * max_over_time({alive}[{window}])"),),
        look="state-timeline",
        limits=limits.SCRAPERS_UP,
        values={"1": ("up", None), "0": ("gone", None)},
        maximum=1,
        width=12,
        leads_to="system",
    )


def _requests(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="Requests",
        description="Requests of all chosen scrapers, each counted once however often it was retried.",
        unit=REQUESTS_PER_SECOND,
        targets=(Target(expr=query.rate(scraper.REQUESTS, "status"), legend=legend("status")),),
        stacked=True,
        colours=STATUS_COLOURS,
        leads_to="scraper",
    )
    yield Panel(
        title="Failed requests",
        description="The share of each scraper's requests that failed, as the alerts see it.",
        unit=SHARE,
        targets=(per_scraper(query.recorded(FAILED_REQUESTS)),),
        limits=limits.FAILED_REQUESTS,
        maximum=1,
        leads_to="scraper",
    )
    yield Panel(
        title="Response time",
        description="Half of each scraper's requests took longer than p50, one in 20 longer than p95; with retries.",
        unit=SECONDS,
        targets=(
            per_scraper(query.quantile(0.5, scraper.RESPONSE_TIME, *SCRAPER), "p50"),
            per_scraper(query.quantile(0.95, scraper.RESPONSE_TIME, *SCRAPER), "p95"),
        ),
        limits=limits.RESPONSE_TIME,
        leads_to="scraper",
    )


def _proxies(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    hits = query.or_zero(query.recorded(RATE_LIMIT_HITS))
    yield Panel(
        title="Healthy proxies",
        description="Proxies that each scraper may use now, and all that it has.",
        unit=NUMBER,
        targets=(
            per_scraper(query.series(proxy.HEALTHY_COUNT), "healthy"),
            per_scraper(query.series(proxy.TOTAL_COUNT), "all"),
        ),
        limits=limits.HEALTHY_PROXIES,
        leads_to="proxies",
    )
    yield Panel(
        title="Failed requests through proxies",
        description="The share of each scraper's requests through proxies that failed, as the alert sees it.",
        unit=SHARE,
        targets=(per_scraper(query.recorded(FAILED_PROXY_REQUESTS)),),
        limits=limits.FAILED_PROXY_REQUESTS,
        maximum=1,
        leads_to="proxies",
    )
    yield Panel(
        title="Rate limit hits",
        description=f"Rate limits that each scraper hit, ours and the site's, per minute over {config.query.range}.",
        unit=PER_MINUTE,
        targets=(per_scraper(f"60 * ({hits})"),),
        limits=limits.RATE_LIMIT_HITS,
        leads_to="rate_limits",
    )


def _results(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    yield Panel(
        title="Properties",
        description="Properties that came in, and those that could not be had, of all chosen scrapers.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(scraper.PROPERTIES_SCRAPED, "status"), legend=legend("status")),),
        stacked=True,
        colours=STATUS_COLOURS,
        leads_to="scraper",
    )
    yield Panel(
        title="Database operations, p95",
        description=f"One operation in 20 of the last {config.query.range} took longer, as the alert sees it.",
        unit=SECONDS,
        targets=(per_scraper(query.recorded(QUERY_DURATION)),),
        limits=limits.QUERY_DURATION,
        leads_to="database",
    )
    yield Panel(
        title="Database errors",
        description="Operations that failed, and connections that failed or broke, on each scraper.",
        unit=PER_MINUTE,
        targets=(
            per_scraper(query.per_minute(database.QUERIES, *SCRAPER, where=FAILED), "operations"),
            per_scraper(query.or_zero(query.per_minute(database.CONNECTION_ERRORS, *SCRAPER)), "connections"),
        ),
        leads_to="database",
    )


def _host_and_session(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="CPU and memory",
        description="Of each scraper's host; the alert is about memory.",
        unit=PERCENT,
        targets=(
            per_scraper(query.series(system.CPU_USAGE), "CPU"),
            per_scraper(query.series(system.MEMORY_USAGE), "memory"),
        ),
        limits=limits.MEMORY,
        maximum=100,
        width=12,
        leads_to="system",
    )
    yield Panel(
        title="Session age",
        description="How long ago each scraper opened its session; it falls to 0 with every new one.",
        unit=SECONDS,
        targets=(per_scraper(query.series(scraper.SESSION_AGE)),),
        limits=limits.SESSION_AGE,
        width=12,
        leads_to="scraper",
    )


DASHBOARD: Final = Dashboard(
    name="overview",
    title="Phoenix scraper: Overview",
    answers="Are pages coming in? If not: is it the site, the proxies, a rate limit, the database or the host?",
    rows=_rows,
    shows_alerts=True,
)
