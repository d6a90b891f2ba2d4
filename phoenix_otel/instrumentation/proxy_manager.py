"""Hooks for a proxy manager class: get_next_proxy, mark_success, mark_failed, check_health and so on, as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from phoenix_otel import redaction
from phoenix_otel.class_targets import MethodMapping
from phoenix_otel.instrumentation.call_spans import CallSpans
from phoenix_otel.instrumentation.calls import (
    Call,
    Finish,
    Outcome,
    Undo,
    calls_in_progress,
    hooks_by_name,
    sees,
    wrap_methods,
)
from phoenix_otel.instrumentation.per_instance import PerInstance
from phoenix_otel.instrumentation.trackers import ProxyTracker
from phoenix_otel.recorders import MetricsCollector, PoolState

_HEALTH_CHECKS: Final = frozenset({"check_health", "check_all_health", "check_recovery"})
_OUTCOMES: Final = ("mark_success", "mark_failed")


def in_health_check() -> bool:
    """Tell whether the running code is inside of some proxy manager's health check."""
    return any(call.part in _HEALTH_CHECKS for call in calls_in_progress())


class WatchedPool(ProxyTracker):
    """One proxy manager; its gauges are asked of it at each collection, for a cooldown ends by time alone."""

    def __init__(self, collector: MetricsCollector, manager: Callable[[], Any]) -> None:
        super().__init__(collector)
        self._manager = manager
        collector.proxy.observe_pool(self, WatchedPool.state)
        collector.proxy_feed.watch_manager(self, WatchedPool.reports_requests)

    def reports_requests(self) -> bool:
        """Tell whether every request of this manager is seen, however it ends."""
        manager = self._manager()
        return manager is not None and all(sees(type(manager), part) for part in _OUTCOMES)

    def state(self) -> PoolState:
        """Return how many proxies there are, may be used now, and are cooling down."""
        manager = self._manager()
        proxies = list(getattr(manager, "proxies", None) or ())
        is_available = getattr(manager, "_is_proxy_available", None)
        if callable(is_available):
            healthy = sum(1 for proxy in proxies if is_available(proxy))
        elif hasattr(manager, "_get_available_proxies"):
            healthy = len(manager._get_available_proxies())
        else:
            healthy = len(proxies)
        return PoolState(len(proxies), healthy, len(proxies) - healthy)


class ProxyManagerHooks:
    """Puts hooks on proxy manager classes; the pools of one collector are told apart by object and add up."""

    def __init__(self, collector: MetricsCollector, spans: CallSpans) -> None:
        self._collector = collector
        self._spans = spans
        self._pools: PerInstance[WatchedPool] = PerInstance(lambda manager: WatchedPool(collector, manager))

    def instrument(self, cls: type, methods: Mapping[str, MethodMapping] = MappingProxyType({})) -> Undo:
        """Wrap the known methods that the class has, and `methods`, which have other names; return what undoes it."""
        starts: Mapping[str, Callable[[Call], Finish]] = {
            "__init__": self._not_recorded,
            "get_next_proxy": self._handed_out,
            "mark_success": partial(self._request, "success"),
            "mark_failed": partial(self._request, "failed"),
            "check_health": self._health_check,
            "check_all_health": self._not_recorded,
            "check_recovery": self._not_recorded,
        }
        return wrap_methods(cls, hooks_by_name(starts, methods), self._collector.guard, self._spans)

    def _not_recorded(self, call: Call) -> Finish:
        return lambda outcome: None if outcome.error else self._touch(call.instance)

    def _touch(self, manager: Any) -> None:
        self._pools.of(manager)

    def _handed_out(self, call: Call) -> Finish:
        pool = self._pools.of(call.instance)
        return lambda outcome: None if outcome.error else pool.track_proxy_rotation()

    def _request(self, status: str, call: Call) -> Finish:
        pool = self._pools.of(call.instance)
        proxy = _proxy_id(call)
        checking = any(
            outer.instance is call.instance and outer.part in _HEALTH_CHECKS for outer in calls_in_progress()
        )
        unseen = checking or not self._collector.proxy_feed.manager_counts(pool)
        return lambda outcome: None if outcome.error or unseen else pool.track_proxy_request(proxy, status)

    def _health_check(self, call: Call) -> Finish:
        pool = self._pools.of(call.instance)
        proxy = _proxy_id(call)

        def finish(outcome: Outcome) -> None:
            reason = "unhealthy" if outcome.error is None else type(outcome.error).__name__
            pool.track_proxy_health_check(proxy, outcome.seconds, bool(outcome.result), reason)

        return finish


def _proxy_id(call: Call) -> str:
    proxy = call.argument(0, "proxy")
    if not isinstance(proxy, Mapping | str) and hasattr(call.instance, "_get_proxy_key"):
        proxy = call.instance._get_proxy_key(proxy)
    return redaction.proxy_id(proxy)
