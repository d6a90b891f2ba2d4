"""The demo's rate limiter: a sliding window per source."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Protocol, TypedDict

from phoenix_otel import metrics_integrated_rate_limiter


class Usage(TypedDict):
    """A source's window: requests made in it, left in it, and allowed by it."""

    current_requests: int
    requests_remaining: int
    effective_limit: int


class RateLimitObserver(Protocol):
    """Whom the rate limiter tells what it decides."""

    async def on_request_made(self, source: str, timestamp: float) -> None:
        """A request was booked for that time."""

    async def on_rate_limit_hit(self, source: str, wait_time: float) -> None:
        """A request has to wait so many seconds."""

    async def on_rate_limit_reset(self, source: str) -> None:
        """A source that had to wait is free again."""


@metrics_integrated_rate_limiter
class SlidingWindowRateLimiter:
    """Allows each source so many requests per window (seconds); `throttled` counts the waits it imposed."""

    def __init__(
        self, limits: Mapping[str, int], *, window: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self.throttled: Counter[str] = Counter()
        self._limits = dict(limits)
        self._window = window
        self._booked: dict[str, deque[float]] = {source: deque() for source in limits}
        self._waiting: set[str] = set()
        self._observers: list[RateLimitObserver] = []

    def add_observer(self, observer: RateLimitObserver) -> None:
        """Tells the observer about every request from now on."""
        self._observers.append(observer)

    async def wait_if_needed(self, source: str) -> float:
        """Books the next free place; returns the seconds to wait for it, 0.0 if it is free now."""
        now = self._clock()
        booked = self._booked[source]
        while booked and booked[0] <= now - self._window:
            booked.popleft()
        limit = self._limits[source]
        at = max(now, booked[-limit] + self._window) if len(booked) >= limit else now
        booked.append(at)
        await self._tell(source, at, at - now)
        return at - now

    def get_current_usage(self, source: str) -> Usage:
        """How far the source's window is used."""
        limit = self._limits[source]
        now = self._clock()
        # A copy, because telemetry asks from a thread of its own.
        booked = [at for at in tuple(self._booked[source]) if at > now - self._window]
        return {
            "current_requests": sum(at <= now for at in booked),
            "requests_remaining": max(0, limit - len(booked)),
            "effective_limit": limit,
        }

    async def _tell(self, source: str, at: float, wait: float) -> None:
        was_waiting = source in self._waiting
        if wait > 0:
            self.throttled[source] += 1
            self._waiting.add(source)
        else:
            self._waiting.discard(source)
        for observer in self._observers:
            await observer.on_request_made(source, at)
            if wait > 0:
                await observer.on_rate_limit_hit(source, wait)
            elif was_waiting:
                await observer.on_rate_limit_reset(source)
