"""The Scraper: requests, their time, what they bring, what goes wrong; and the HTTP clients below them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from phoenix_otel.catalog import scraper
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import http_clients, limits
from phoenix_otel.generate.dashboards.limits import STATUS_COLOURS
from phoenix_otel.generate.dashboards.panel import (
    BYTES,
    BYTES_PER_SECOND,
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
from phoenix_otel.generate.dashboards.panel_query import FAILED, SUCCESS, PanelQuery, legend
from phoenix_otel.generate.recording_rules import FAILED_REQUESTS, REQUESTS, RESPONSE_TIME


def _rows(config: AlertConfig) -> tuple[Row, ...]:
    query = PanelQuery(config.query)
    return (
        Row(title="Requests", panels=tuple(_requests(query, config))),
        Row(title="Response time", panels=tuple(_response_time(query, config))),
        Row(title="Properties and content", panels=tuple(_content(query))),
        Row(title="Errors and retries", panels=tuple(_errors(query))),
        Row(title="Session", panels=tuple(_session(query))),
        *http_clients.rows(query),
    )


def _requests(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    window = config.query.range
    yield Panel(
        title="Requests by endpoint",
        description="What is asked of the site, each request counted once however often it was retried.",
        unit=REQUESTS_PER_SECOND,
        targets=(Target(expr=query.rate(scraper.REQUESTS, "endpoint"), legend=legend("endpoint")),),
        stacked=True,
    )
    yield Panel(
        title="Requests by method and status",
        description="How requests ended, by HTTP method.",
        unit=REQUESTS_PER_SECOND,
        targets=(Target(expr=query.rate(scraper.REQUESTS, "method", "status"), legend=legend("method", "status")),),
        stacked=True,
    )
    yield Panel(
        title="Requests by scraper",
        description=f"How busy each scraper was over the last {window}.",
        unit=REQUESTS_PER_SECOND,
        targets=(per_scraper(query.recorded(REQUESTS)),),
        stacked=True,
    )
    yield Panel(
        title="Failed requests by endpoint",
        description="The share of requests that failed: is it one kind of page, or all of them?",
        unit=SHARE,
        targets=(Target(expr=query.share(FAILED, scraper.REQUESTS, "endpoint"), legend=legend("endpoint")),),
        limits=limits.FAILED_REQUESTS,
        maximum=1,
        width=12,
    )
    yield Panel(
        title="Failed requests by scraper",
        description=f"The share of requests of the last {window} that failed, as the alerts see it: one, or all?",
        unit=SHARE,
        targets=(per_scraper(query.recorded(FAILED_REQUESTS)),),
        limits=limits.FAILED_REQUESTS,
        maximum=1,
        width=12,
    )


def _response_time(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    yield Panel(
        title="Response time, p50, p95, p99",
        description="From the start of a request to its result, retries included, over all chosen scrapers.",
        unit=SECONDS,
        targets=tuple(
            Target(expr=query.quantile(quantile, scraper.RESPONSE_TIME), legend=name)
            for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        ),
        limits=limits.RESPONSE_TIME,
    )
    yield Panel(
        title="Response time by endpoint, p95",
        description="One request in 20 took longer: which kind of page is slow?",
        unit=SECONDS,
        targets=(Target(expr=query.quantile(0.95, scraper.RESPONSE_TIME, "endpoint"), legend=legend("endpoint")),),
        limits=limits.RESPONSE_TIME,
    )
    yield Panel(
        title="Response time by scraper, p95",
        description=f"One request in 20 of the last {config.query.range} took longer, as the alert sees it.",
        unit=SECONDS,
        targets=(per_scraper(query.recorded(RESPONSE_TIME)),),
        limits=limits.RESPONSE_TIME,
    )
    yield Panel(
        title="Response times",
        description="How many requests took how long: two bands are two kinds of requests, such as retried ones.",
        unit=SECONDS,
        targets=(Target(expr=query.buckets(scraper.RESPONSE_TIME), legend=legend("le")),),
        look="heatmap",
        width=12,
    )
    yield Panel(
        title="Response time by status, p95",
        description="How long successes take, and how long it takes to fail.",
        unit=SECONDS,
        targets=(Target(expr=query.quantile(0.95, scraper.RESPONSE_TIME, "status"), legend=legend("status")),),
        colours=STATUS_COLOURS,
        width=12,
    )


def _content(query: PanelQuery) -> Iterator[Panel]:
    by_zipcode = query.count(scraper.PROPERTIES_SCRAPED, "zipcode", where=SUCCESS)
    yield Panel(
        title="Properties",
        description="Properties that came in, and those that could not be had.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(scraper.PROPERTIES_SCRAPED, "status"), legend=legend("status")),),
        stacked=True,
        colours=STATUS_COLOURS,
    )
    yield Panel(
        title="Properties by zipcode",
        description="The ten postal codes that brought the most in the time range of the page.",
        unit=NUMBER,
        targets=(Target(expr=f"sort_desc(topk(10, {by_zipcode}))", legend=legend("zipcode")),),
        look="bargauge",
    )
    yield Panel(
        title="Failed properties by zipcode",
        description="The share of properties that could not be had, for the ten postal codes that are worst off.",
        unit=SHARE,
        targets=(
            Target(
                expr=f"topk(10, {query.share(FAILED, scraper.PROPERTIES_SCRAPED, 'zipcode')})", legend=legend("zipcode")
            ),
        ),
        maximum=1,
    )
    yield Panel(
        title="Content by type",
        description="What requests brought, by kind of content.",
        unit=BYTES_PER_SECOND,
        targets=(
            Target(expr=query.rate(scraper.CONTENT_SIZE, "content_type", suffix="_sum"), legend=legend("content_type")),
        ),
        stacked=True,
    )
    yield Panel(
        title="Mean content size by endpoint",
        description="A page that shrinks is often an error page or a block page with status 200.",
        unit=BYTES,
        targets=(Target(expr=query.mean(scraper.CONTENT_SIZE, "endpoint"), legend=legend("endpoint")),),
    )
    yield Panel(
        title="Content sizes",
        description="How many requests brought how much.",
        unit=BYTES,
        targets=(Target(expr=query.buckets(scraper.CONTENT_SIZE), legend=legend("le")),),
        look="heatmap",
    )


def _errors(query: PanelQuery) -> Iterator[Panel]:
    labels = ("error_type", "endpoint")
    retries = f"{query.rate(scraper.RETRIES, 'endpoint')} / {query.rate(scraper.REQUESTS, 'endpoint')}"
    yield Panel(
        title="Errors by type",
        description="What ended requests. The first error of a kind shows in the table only: a rate needs two.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(scraper.ERRORS, "error_type"), legend=legend("error_type")),),
        stacked=True,
        width=12,
    )
    yield Panel(
        title="Errors in this time range",
        description="Every error of the page's time range, the first of its kind included.",
        unit=NUMBER,
        targets=(Target(expr=f"sort_desc({query.count(scraper.ERRORS, *labels)})", legend="Errors"),),
        look="table",
        labels=labels,
        width=12,
    )
    yield Panel(
        title="Retries by endpoint",
        description="Retries inside requests: a request that succeeds at last shows here and not among the failed.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(scraper.RETRIES, "endpoint"), legend=legend("endpoint")),),
        stacked=True,
    )
    yield Panel(
        title="Retries for each request",
        description="How many retries a request took on average; it rises before requests begin to fail.",
        unit=NUMBER,
        targets=(Target(expr=retries, legend=legend("endpoint")),),
    )
    yield Panel(
        title="Retries by number",
        description="First retries, second retries and so on: many late ones mean that retrying does not help.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(scraper.RETRIES, "retry_number"), legend=legend("retry_number")),),
        stacked=True,
    )


def _session(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="Session",
        description="When the site accepted each scraper's session.",
        unit=NUMBER,
        targets=(per_scraper(query.series(scraper.SESSION_VALID)),),
        look="state-timeline",
        limits=limits.SESSION_VALID,
        values={"1": ("valid", None), "0": ("expired", None)},
        maximum=1,
        width=12,
        height=6,
    )
    yield Panel(
        title="Session age",
        description="How long ago each scraper opened its session; it falls to 0 with every new one.",
        unit=SECONDS,
        targets=(per_scraper(query.series(scraper.SESSION_AGE)),),
        limits=limits.SESSION_AGE,
        width=12,
        height=6,
    )


DASHBOARD: Final = Dashboard(
    name="scraper",
    title="Phoenix scraper: Scraper",
    answers="Which pages fail, are slow or bring nothing, with which errors; and what do the HTTP clients see?",
    rows=_rows,
)
