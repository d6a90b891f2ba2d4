"""Rows of the Scraper dashboard about HTTP clients and browsers; closed, for not every scraper has their metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from phoenix_otel.catalog import http_client
from phoenix_otel.generate.dashboards.panel import (
    BYTES,
    BYTES_PER_SECOND,
    PER_MINUTE,
    REQUESTS_PER_SECOND,
    SECONDS,
    SHARE,
    Panel,
    Row,
    Target,
)
from phoenix_otel.generate.dashboards.panel_query import BROKEN, PanelQuery, label, legend

_HOST: Final = "server.address"
_STATUS: Final = "http.response.status_code"
_ANSWERED: Final = f'{label(_STATUS)}!=""'
_NOT_WELL: Final = f'{label(_STATUS)}!~"[123].."'
"""An error status, or none: nothing answered."""


def rows(query: PanelQuery) -> tuple[Row, ...]:
    """Return the rows."""
    return (
        Row(title="HTTP clients", panels=(*_requests(query), *_bodies(query), *_connections(query)), closed=True),
        Row(title="Browser", panels=tuple(_browser(query)), closed=True),
    )


def _requests(query: PanelQuery) -> Iterator[Panel]:
    requests, bodies = http_client.REQUEST_DURATION, http_client.TIME_TO_BODY
    yield Panel(
        title="HTTP requests by host",
        description="Requests that were sent, redirects and retries included, to the ten busiest hosts.",
        unit=REQUESTS_PER_SECOND,
        targets=(Target(expr=f"topk(10, {query.rate(requests, _HOST, suffix='_count')})", legend=legend(_HOST)),),
        stacked=True,
    )
    yield Panel(
        title="HTTP answers by status code",
        description="What the hosts answered: 403 and 429 tell of bans and limits before the scraper gives up.",
        unit=REQUESTS_PER_SECOND,
        targets=(Target(expr=query.rate(requests, _STATUS, suffix="_count", where=_ANSWERED), legend=legend(_STATUS)),),
        stacked=True,
    )
    yield Panel(
        title="Failed HTTP requests by host",
        description="The share that got an error status or no answer, for the ten hosts that are worst off.",
        unit=SHARE,
        targets=(
            Target(expr=f"topk(10, {query.share(_NOT_WELL, requests, _HOST, suffix='_count')})", legend=legend(_HOST)),
        ),
        maximum=1,
    )
    yield Panel(
        title="HTTP errors by type",
        description="Requests that nothing answered, and answers that broke off, by class of exception.",
        unit=PER_MINUTE,
        targets=tuple(
            Target(
                expr=f"60 * {query.rate(metric, 'error.type', suffix='_count', where=BROKEN)}",
                legend=f"{what} {legend('error.type')}",
            )
            for metric, what in ((requests, "no answer:"), (bodies, "broke off:"))
        ),
        stacked=True,
    )
    yield Panel(
        title="Time to headers and to body, p95",
        description="The distance between the two is the time that bodies take to arrive.",
        unit=SECONDS,
        targets=(
            Target(expr=query.quantile(0.95, requests), legend="headers"),
            Target(expr=query.quantile(0.95, bodies), legend="body"),
        ),
    )
    yield Panel(
        title="Sent again",
        description="Requests that the client sent again by itself, following a redirect or retrying.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(http_client.RESENDS, "cause"), legend=legend("cause")),),
        stacked=True,
    )


def _bodies(query: PanelQuery) -> Iterator[Panel]:
    size = http_client.RESPONSE_BODY_SIZE
    yield Panel(
        title="Received by proxy",
        description="Bytes as they travelled, which is what proxies bill; without a name: no proxy. The ten largest.",
        unit=BYTES_PER_SECOND,
        targets=(Target(expr=f"topk(10, {query.rate(size, 'proxy_id', suffix='_sum')})", legend=legend("proxy_id")),),
        stacked=True,
    )
    yield Panel(
        title="Received by host",
        description="Bytes as they travelled, from the ten hosts that sent the most.",
        unit=BYTES_PER_SECOND,
        targets=(Target(expr=f"topk(10, {query.rate(size, _HOST, suffix='_sum')})", legend=legend(_HOST)),),
        stacked=True,
    )
    yield Panel(
        title="Body sizes",
        description="How many answers were how large.",
        unit=BYTES,
        targets=(Target(expr=query.buckets(size), legend=legend("le")),),
        look="heatmap",
    )


def _connections(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="Reused connections by host",
        description="The share of requests that found an open connection; the others wait for TCP, tunnel and TLS.",
        unit=SHARE,
        targets=(
            Target(
                expr=f"""topk(10, {query.share('reused="true"', http_client.CONNECTIONS, _HOST)})""",
                legend=legend(_HOST),
            ),
        ),
        maximum=1,
    )
    yield Panel(
        title="Opening a connection, p95",
        description="Look-up, TCP, the tunnel through a proxy and TLS, for the ten slowest proxies.",
        unit=SECONDS,
        targets=(
            Target(
                expr=f"topk(10, {query.quantile(0.95, http_client.CREATE_TIME, 'proxy_id')})",
                legend=legend("proxy_id"),
            ),
        ),
    )
    yield Panel(
        title="DNS look-ups, p95",
        description="The ten names that take longest.",
        unit=SECONDS,
        targets=(
            Target(
                expr=f"topk(10, {query.quantile(0.95, http_client.DNS_LOOKUP_DURATION, 'dns.question.name')})",
                legend=legend("dns.question.name"),
            ),
        ),
    )


def _browser(query: PanelQuery) -> Iterator[Panel]:
    kind = "resource_type"
    yield Panel(
        title="Browser requests by type",
        description="What pages ask for; each script and image is time, and traffic that a proxy bills.",
        unit=REQUESTS_PER_SECOND,
        targets=(Target(expr=query.rate(http_client.BROWSER_REQUESTS, kind), legend=legend(kind)),),
        stacked=True,
    )
    yield Panel(
        title="Failed browser requests",
        description="The share of each type that failed.",
        unit=SHARE,
        targets=(Target(expr=query.share(BROKEN, http_client.BROWSER_REQUESTS, kind), legend=legend(kind)),),
        maximum=1,
    )
    yield Panel(
        title="Received by browser pages",
        description="Bytes of bodies as they travelled, by type.",
        unit=BYTES_PER_SECOND,
        targets=(Target(expr=query.rate(http_client.BROWSER_RECEIVED, kind), legend=legend(kind)),),
        stacked=True,
    )
