"""What each metric attribute (a Prometheus label) means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STATUSES: Final = ("success", "failed")
"""The two values that `status` takes everywhere."""

ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cause": "why a client sent a request again: `redirect` or `retry`",
        "collection": "name of the MongoDB collection",
        "content_type": "kind of content, such as html or json",
        "db.client.connection.pool.name": "host:port of the server that the connection pool belongs to",
        "db.client.connection.state": "`idle` or `used`",
        "dns.question.name": "host name that was looked up; `other` beyond the first 100",
        "endpoint": "logical page kind (search, property_details) or rate-limited source; never a URL",
        "error.type": "class name of the exception or the browser's error code; empty if nothing failed",
        "error_type": "class name of the exception, or a short error code",
        "http.request.method": "HTTP method; `_OTHER` for what is none",
        "http.response.status_code": "status code of the answer; empty without one",
        "limit_type": "who limited: `throttle` (our own rate limiter) or `server` (the site, such as HTTP 429)",
        "method": "HTTP method",
        "metric": "a metric by its Prometheus name",
        "operation": "database operation, such as find or insert_one",
        "path": "mount point of the file system",
        "proxy_id": "host:port of the proxy, never its credentials",
        "reason": "why a health check failed",
        "resource_type": "what a browser page asked for: document, script, image and so on",
        "retry_number": "1 for the first retry of a request, 2 for the second, and so on",
        "reused": "`true` for a connection that was open already, `false` for a new one",
        "server.address": "host that a request was for; `other` beyond the first 100",
        "status": "`success` or `failed`",
        "thread": "what the thread does: `push`, `endpoint` or `sampler`",
        "zipcode": "postal code that was searched",
    }
)

LABEL_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "service": "service.name",
        "environment": "deployment.environment.name",
        "version": "service.version",
        "instance": "service.instance.id",
    }
)
"""Labels that OpenTelemetry's semantic conventions have a name for; as a resource attribute any other keeps its own."""
