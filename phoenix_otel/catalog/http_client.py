"""HTTP as its clients see it, by OpenTelemetry's names where there are any; redirects and retries are requests too."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.metric import Metric

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60)
"""The conventions' bounds, and two more: proxies are slow."""
_OUTCOME: Final = ("http.request.method", "server.address", "http.response.status_code", "error.type")

REQUEST_DURATION: Final = Metric(
    name="http.client.request.duration",
    kind="histogram",
    unit="s",
    description="Time from sending an HTTP request to the headers of its answer, or to its failure",
    attributes=_OUTCOME,
    buckets=_SECONDS,
)
TIME_TO_BODY: Final = Metric(
    name="http.client.request.time_to_body",
    kind="histogram",
    unit="s",
    description="Time from sending an HTTP request to the end of its answer's body, or to where the body broke off",
    attributes=_OUTCOME,
    buckets=_SECONDS,
)
RESPONSE_BODY_SIZE: Final = Metric(
    name="http.client.response.body.size",
    kind="histogram",
    unit="By",
    description="Bytes of body that arrived, before decompression, also of answers that were not read to their end",
    attributes=(*_OUTCOME, "proxy_id"),
    buckets=(0, 1024, 5120, 10240, 51200, 102400, 512000, 1048576, 10485760),
)
RESENDS: Final = Metric(
    name="http.client.request.resends",
    kind="counter",
    unit="{request}",
    description="HTTP requests that the client sent again by itself, following a redirect or retrying",
    attributes=("http.request.method", "server.address", "cause"),
)
CONNECTIONS: Final = Metric(
    name="http.client.connections",
    kind="counter",
    unit="{connection}",
    description="Connections given to HTTP requests, new and reused ones",
    attributes=("server.address", "proxy_id", "reused"),
)
CREATE_TIME: Final = Metric(
    name="http.client.connection.create_time",
    kind="histogram",
    unit="s",
    description="Time to open a connection: name look-up, TCP, the tunnel through a proxy and TLS",
    attributes=("server.address", "proxy_id"),
    buckets=_SECONDS,
)
DNS_LOOKUP_DURATION: Final = Metric(
    name="dns.lookup.duration",
    kind="histogram",
    unit="s",
    description="Time that DNS look-ups took",
    attributes=("dns.question.name",),
    buckets=_SECONDS,
)
BROWSER_REQUESTS: Final = Metric(
    name="http.client.browser.requests",
    kind="counter",
    unit="{request}",
    description="Requests that browser pages made: navigations, and what pages load",
    attributes=("resource_type", "server.address", "error.type"),
)
BROWSER_RECEIVED: Final = Metric(
    name="http.client.browser.received",
    kind="counter",
    unit="By",
    description="Bytes of bodies that browser pages received, before decompression",
    attributes=("resource_type", "server.address"),
)

METRICS: Final = (
    REQUEST_DURATION,
    TIME_TO_BODY,
    RESPONSE_BODY_SIZE,
    RESENDS,
    CONNECTIONS,
    CREATE_TIME,
    DNS_LOOKUP_DURATION,
    BROWSER_REQUESTS,
    BROWSER_RECEIVED,
)
