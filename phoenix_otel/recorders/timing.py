"""A block that is timed, by `with` or `async with`."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

Finish = Callable[[float, BaseException | None], None]


class Timing:
    """Calls `finish(seconds, exception or None)` when the block ends, and lets the exception go on unchanged."""

    __slots__ = ("_finish", "_start")

    def __init__(self, finish: Finish) -> None:
        self._finish = finish
        self._start = 0.0

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> Literal[False]:
        self._finish(time.perf_counter() - self._start, error)
        return False

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        return self.__exit__(kind, error, trace)


def outcome(error: BaseException | None) -> str:
    """Return the value of the attribute `status` for how a block ended."""
    return "success" if error is None else "failed"
