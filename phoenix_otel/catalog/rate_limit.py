"""Rate limits: ours and the site's."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.metric import Metric

HITS: Final = Metric(
    name="rate_limit.hits",
    kind="counter",
    unit="{hit}",
    description="Times a rate limit was hit",
    attributes=("endpoint", "limit_type"),
)
WAIT_TIME: Final = Metric(
    name="rate_limit.wait_time",
    kind="histogram",
    unit="s",
    description="Time to wait because of a rate limit",
    attributes=("endpoint",),
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60),
)
CURRENT_RATE: Final = Metric(
    name="rate_limit.current_rate",
    kind="gauge",
    unit="",
    description="Requests in the rate limiter's current window",
    attributes=("endpoint",),
)
LIMIT_REMAINING: Final = Metric(
    name="rate_limit.limit_remaining",
    kind="gauge",
    unit="{request}",
    description="Requests that are left in the rate limiter's current window",
    attributes=("endpoint",),
)

METRICS: Final = (HITS, WAIT_TIME, CURRENT_RATE, LIMIT_REMAINING)
