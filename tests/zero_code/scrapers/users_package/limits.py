"""The rate limiter: so many requests of each source in a fifth of a second, and observers who are told."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from typing import Any

WINDOW = 0.2


class RateLimiter:
    def __init__(self, limit: int) -> None:
        self.waits: Counter[str] = Counter()
        self._limit = limit
        self._made: defaultdict[str, deque[float]] = defaultdict(deque)
        self._observers: list[Any] = []

    def add_observer(self, observer: Any) -> None:
        self._observers.append(observer)

    async def wait_if_needed(self, source: str) -> float:
        made, now = self._made[source], time.monotonic()
        while made and made[0] <= now - WINDOW:
            made.popleft()
        at = max(now, made[-self._limit] + WINDOW) if len(made) >= self._limit else now
        made.append(at)
        for observer in self._observers:
            await observer.on_request_made(source, at)
            if at > now:
                await observer.on_rate_limit_hit(source, at - now)
        self.waits[source] += at > now
        return at - now

    def get_current_usage(self, source: str) -> dict[str, int]:
        used = sum(1 for at in tuple(self._made[source]) if at > time.monotonic() - WINDOW)
        left = max(0, self._limit - used)
        return {"current_requests": used, "requests_remaining": left, "effective_limit": self._limit}
