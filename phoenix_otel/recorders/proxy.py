"""Records the state of the proxy pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from phoenix_otel.catalog import proxy
from phoenix_otel.recorders.instruments import Instruments

PoolT = TypeVar("PoolT")


class PoolState(NamedTuple):
    """What a pool of proxies looks like now, in proxies."""

    total: int
    healthy: int
    cooling_down: int


class ProxyRecorder:
    """Counts, requests, health checks and rotations; `proxy_id` is shown as host:port, however it is given."""

    def __init__(self, instruments: Instruments) -> None:
        self._total = instruments.observable(proxy.TOTAL_COUNT)
        self._healthy = instruments.observable(proxy.HEALTHY_COUNT)
        self._cooldown = instruments.observable(proxy.COOLDOWN_ACTIVE)
        self._requests = instruments.counter(proxy.REQUESTS)
        self._health_check_duration = instruments.histogram(proxy.HEALTH_CHECK_DURATION)
        self._health_check_failures = instruments.counter(proxy.HEALTH_CHECK_FAILURES)
        self._response_time = instruments.histogram(proxy.RESPONSE_TIME)
        self._rotations = instruments.counter(proxy.ROTATIONS)

    def set_proxy_counts(self, total: int, healthy: int, *, source: object | None = None) -> None:
        """Set how many proxies there are and how many are healthy; the counts of several `source`s add up."""
        self._total.set(total, source=source)
        self._healthy.set(healthy, source=source)

    def set_cooldown_count(self, count: int, *, source: object | None = None) -> None:
        """Set how many proxies are cooling down; the counts of several `source`s add up."""
        self._cooldown.set(count, source=source)

    def observe_pool(self, pool: PoolT, state: Callable[[PoolT], PoolState]) -> None:
        """Ask `state(pool)` at each collection instead of being told; the pool is held weakly, pools add up."""
        self._total.ask(pool, lambda asked: [((), state(asked).total)])
        self._healthy.ask(pool, lambda asked: [((), state(asked).healthy)])
        self._cooldown.ask(pool, lambda asked: [((), state(asked).cooling_down)])

    def record_proxy_request(self, proxy_id: str, status: str) -> None:
        """Count one request sent through a proxy; `status` is success or failed."""
        self._requests.add(1, proxy_id, status)

    def record_health_check(self, proxy_id: str, duration: float, success: bool, reason: str = "") -> None:
        """Record one health check, in seconds, and count it as a failure with its `reason` unless it succeeded."""
        self._health_check_duration.record(duration, proxy_id)
        if not success:
            self._health_check_failures.add(1, proxy_id, reason or "unhealthy")

    def record_proxy_response_time(self, proxy_id: str, duration: float) -> None:
        """Record how long an answer took through a proxy, in seconds."""
        self._response_time.record(duration, proxy_id)

    def record_rotation(self) -> None:
        """Count one proxy handed out by the pool."""
        self._rotations.add(1)
