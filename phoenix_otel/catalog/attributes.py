"""What each metric attribute (a Prometheus label) means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STATUSES: Final = ("success", "failed")
"""The two values that `status` takes everywhere."""

ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "collection": "name of the MongoDB collection",
        "content_type": "kind of content, such as html or json",
        "endpoint": "logical page kind (search, property_details) or rate-limited source; never a URL",
        "error_type": "class name of the exception, or a short error code",
        "limit_type": "who limited: `throttle` (our own rate limiter) or `server` (the site, such as HTTP 429)",
        "method": "HTTP method",
        "operation": "database operation, such as find or insert_one",
        "path": "mount point of the file system",
        "proxy_id": "host:port of the proxy, never its credentials",
        "reason": "why a health check failed",
        "retry_number": "1 for the first retry of a request, 2 for the second, and so on",
        "status": "`success` or `failed`",
        "zipcode": "postal code that was searched",
    }
)
