"""A single thread that works for an event loop. It is a daemon: what blocks in it does not keep the program alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """Runs functions one at a time, in the order in which they come."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[], T], future: asyncio.Future[T]) -> None:
        """Run a function in the thread, and settle the future with what it returns or raises."""
        loop = future.get_loop()

        def work() -> None:
            try:
                result = function()
            except Exception as error:
                _tell(loop, future, future.set_exception, error)
            else:
                _tell(loop, future, future.set_result, result)

        self._queue.put(work)

    def stop(self, timeout: float) -> None:
        """Let the thread end after what is queued, waiting for at most `timeout` seconds."""
        self._queue.put(None)
        self._thread.join(timeout)

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            work()


def _tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], tell: Callable[[Any], None], what: Any) -> None:
    def set_unless_done() -> None:
        if not future.done():  # the client has gone away
            tell(what)

    try:
        loop.call_soon_threadsafe(set_unless_done)
    except RuntimeError:
        pass  # the loop is closed: nobody waits any more
