"""Records rate limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from phoenix_otel.catalog import rate_limit
from phoenix_otel.recorders.instruments import Instruments, Reading

LimiterT = TypeVar("LimiterT")


class RateLimitRecorder:
    """Hits, waits and what is left of a limit, by endpoint or source."""

    def __init__(self, instruments: Instruments) -> None:
        self._hits = instruments.counter(rate_limit.HITS)
        self._wait_time = instruments.histogram(rate_limit.WAIT_TIME)
        self._current_rate = instruments.observable(rate_limit.CURRENT_RATE)
        self._limit_remaining = instruments.observable(rate_limit.LIMIT_REMAINING)

    def record_rate_limit_hit(self, endpoint: str, limit_type: str, wait_time: float | None) -> None:
        """Count one hit of a limit and record how long it makes us wait, in seconds; None where nobody knows."""
        self._hits.add(1, endpoint, limit_type)
        if wait_time is not None:
            self._wait_time.record(wait_time, endpoint)

    def set_current_rate(self, endpoint: str, rate: float) -> None:
        """Set how many requests were made in the limiter's current window."""
        self._current_rate.set(rate, endpoint)

    def set_limit_remaining(self, endpoint: str, remaining: float) -> None:
        """Set how many requests are left in the limiter's current window."""
        self._limit_remaining.set(remaining, endpoint)

    def observe_limiter(
        self,
        limiter: LimiterT,
        current_rate: Callable[[LimiterT], Iterable[Reading]],
        limit_remaining: Callable[[LimiterT], Iterable[Reading]],
    ) -> None:
        """Ask the limiter at each collection instead of being told; it is held weakly, several of them add up."""
        self._current_rate.ask(limiter, current_rate)
        self._limit_remaining.ask(limiter, limit_remaining)
