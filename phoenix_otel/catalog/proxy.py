"""The proxy pool: who is alive, who answers, how fast."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.attributes import STATUSES
from phoenix_otel.catalog.metric import Metric

TOTAL_COUNT: Final = Metric(
    name="proxy.total_count",
    kind="gauge",
    unit="{proxy}",
    description="Proxies configured",
)
HEALTHY_COUNT: Final = Metric(
    name="proxy.healthy_count",
    kind="gauge",
    unit="{proxy}",
    description="Proxies that may be used now",
)
REQUESTS: Final = Metric(
    name="proxy.requests",
    kind="counter",
    unit="{request}",
    description="Requests sent through a proxy",
    attributes=("proxy_id", "status"),
    siblings=STATUSES,
)
HEALTH_CHECK_DURATION: Final = Metric(
    name="proxy.health_check_duration",
    kind="histogram",
    unit="s",
    description="Time that health checks of a proxy took",
    attributes=("proxy_id",),
    buckets=(0.1, 0.5, 1, 2, 5, 10),
)
HEALTH_CHECK_FAILURES: Final = Metric(
    name="proxy.health_check_failures",
    kind="counter",
    unit="{failure}",
    description="Health checks that found a proxy unhealthy",
    attributes=("proxy_id", "reason"),
)
RESPONSE_TIME: Final = Metric(
    name="proxy.response_time",
    kind="histogram",
    unit="s",
    description="Time to an answer through a proxy",
    attributes=("proxy_id",),
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    bucket_option="response_time_buckets",
)
ROTATIONS: Final = Metric(
    name="proxy.rotations",
    kind="counter",
    unit="{rotation}",
    description="Proxies handed out by the pool",
)
COOLDOWN_ACTIVE: Final = Metric(
    name="proxy.cooldown_active",
    kind="gauge",
    unit="{proxy}",
    description="Proxies set aside after a failure, until their cooldown ends",
)

METRICS: Final = (
    TOTAL_COUNT,
    HEALTHY_COUNT,
    REQUESTS,
    HEALTH_CHECK_DURATION,
    HEALTH_CHECK_FAILURES,
    RESPONSE_TIME,
    ROTATIONS,
    COOLDOWN_ACTIVE,
)
