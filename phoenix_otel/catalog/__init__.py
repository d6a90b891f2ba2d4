"""Every metric, as data: name, unit, description, attributes and buckets are written here and nowhere else.

Add a metric in the module of its domain, record it in the recorder of the same name, and run `make generate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from phoenix_otel.catalog import database, http_client, proxy, rate_limit, scraper, system, telemetry
from phoenix_otel.catalog.attributes import ATTRIBUTES, LABEL_ATTRIBUTES, STATUSES
from phoenix_otel.catalog.metric import Kind, Metric

DOMAINS: Final[Mapping[str, tuple[Metric, ...]]] = MappingProxyType(
    {
        "scraper": scraper.METRICS,
        "proxy": proxy.METRICS,
        "rate_limit": rate_limit.METRICS,
        "database": database.METRICS,
        "system": system.METRICS,
        "http_client": http_client.METRICS,
        "telemetry": telemetry.METRICS,
    }
)
"""The metrics of each domain, in the order in which people look at them."""

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "scraper": "Scraper",
        "proxy": "Proxies",
        "rate_limit": "Rate limits",
        "database": "Database",
        "system": "System",
        "http_client": "HTTP client",
        "telemetry": "Telemetry",
    }
)
"""What people call each domain."""

METRICS: Final[tuple[Metric, ...]] = tuple(metric for metrics in DOMAINS.values() for metric in metrics)

__all__ = ["ATTRIBUTES", "DOMAINS", "LABEL_ATTRIBUTES", "METRICS", "STATUSES", "TITLES", "Kind", "Metric"]
