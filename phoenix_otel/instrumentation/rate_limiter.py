"""Hooks for a rate limiter class: wait_if_needed(source), get_current_usage(source), add_observer(observer)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

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
from phoenix_otel.recorders import MetricsCollector

_MOST_SOURCES: Final = 2000


class WatchedLimiter:
    """One rate limiter: the sources seen so far, whose usage is asked for at each collection.

    It is also the observer of a limiter whose class is not wrapped.
    """

    def __init__(self, collector: MetricsCollector, limiter: Callable[[], Any]) -> None:
        self._collector = collector
        self._limiter = limiter
        self._sources: dict[str, None] = {}
        self._observing = False
        usage = getattr(limiter(), "get_current_usage", None)
        if callable(usage) and not inspect.iscoroutinefunction(usage):
            collector.rate_limit.observe_limiter(
                self,
                lambda watched: watched.usage("current_requests"),
                lambda watched: watched.usage("requests_remaining"),
            )

    def observe(self) -> None:
        """Become the limiter's observer, once, unless calls of its class are seen anyway."""
        limiter = self._limiter()
        if not self._observing and not sees(type(limiter), "wait_if_needed") and hasattr(limiter, "add_observer"):
            self._observing = True
            limiter.add_observer(self)

    def request(self, source: str) -> None:
        """Remember a source."""
        if len(self._sources) < _MOST_SOURCES:
            self._sources[source] = None

    def hit(self, source: str, wait_time: float) -> None:
        """Count one hit; the scraper in whose request it happened may count it too."""
        self.request(source)
        self._collector.rate_limit.record_rate_limit_hit(source, "throttle", wait_time)
        for call in reversed(calls_in_progress()):
            own_count = getattr(call.tag, "rate_limited", None)
            if own_count is not None:
                own_count.seen()
                return

    def usage(self, key: str) -> Iterable[tuple[tuple[str], float]]:
        """Return what the limiter says now, by source."""
        limiter = self._limiter()
        if limiter is None:
            return []
        usages = ((source, limiter.get_current_usage(source)) for source in list(self._sources))
        return [((source,), usage[key]) for source, usage in usages if key in usage]

    async def on_request_made(self, source: str, timestamp: Any) -> None:
        """Observer: a request was let through."""
        with self._collector.guard.section("observing a rate limiter"):
            self.request(source)

    async def on_rate_limit_hit(self, source: str, wait_time: float) -> None:
        """Observer: a request has to wait, in seconds."""
        with self._collector.guard.section("observing a rate limiter"):
            self.hit(source, wait_time)

    async def on_rate_limit_reset(self, source: str) -> None:
        """Observer: a window was reset; the next collection asks the limiter itself."""


class RateLimiterHooks:
    """Puts hooks on rate limiter classes."""

    def __init__(self, collector: MetricsCollector, limiters: PerInstance[WatchedLimiter], spans: CallSpans) -> None:
        self._collector = collector
        self._limiters = limiters
        self._spans = spans

    def instrument(self, cls: type, methods: Mapping[str, MethodMapping] = MappingProxyType({})) -> Undo:
        """Wrap the known methods that the class has, and `methods`, which have other names; return what undoes it."""
        starts = {"__init__": self._made, "wait_if_needed": self._wait}
        return wrap_methods(cls, hooks_by_name(starts, methods), self._collector.guard, self._spans)

    def _made(self, call: Call) -> Finish:
        return lambda outcome: None if outcome.error else self._touch(call.instance)

    def _touch(self, limiter: Any) -> None:
        self._limiters.of(limiter)

    def _wait(self, call: Call) -> Finish:
        watched = self._limiters.of(call.instance)
        source = str(call.argument(0, "source"))
        self._collector.watch_loop()

        def finish(outcome: Outcome) -> None:
            if outcome.error is None:
                watched.request(source)
                if outcome.result and outcome.result > 0:
                    watched.hit(source, outcome.result)

        return finish
