"""Work that several ask for at the same time, done once: many scrapes at once cost the scraper as much as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from phoenix_otel.pipeline.worker import Worker

T = TypeVar("T")


class SharedWork:
    """Passes work on to a worker. Whoever asks for the same before it has begun gets the same result."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._not_begun: dict[Hashable, asyncio.Future[Any]] = {}

    async def run(self, what: Hashable, work: Callable[[], T]) -> T:
        """Return what `work` returns or raise what it raises; `what` tells whether two ask for the same."""
        future: asyncio.Future[T] | None = self._not_begun.get(what)
        if future is None:
            future = asyncio.get_running_loop().create_future()

            def begin() -> T:
                self._not_begun.pop(what, None)
                return work()

            self._not_begun[what] = future
            try:
                self._worker.submit(begin, future)
            except TimeoutError:
                del self._not_begun[what]
                raise
        return await self._worker.settled(future)  # one client that goes away takes nothing from the others
