"""Sees the retries that tenacity makes inside a class's methods (by its `before_sleep` callback)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wrapt

from phoenix_otel._guard import Guard

Note = Callable[[int], None]


def watch_retries(cls: type, note: Note, guard: Guard) -> Callable[[], None]:
    """Call `note(number of the retry)` before each retry, besides the callback there is; return what undoes it."""
    chained: list[tuple[Any, Any]] = []
    for attribute in (value for base in cls.__mro__ for value in vars(base).values()):
        function = getattr(attribute, "__func__", attribute)
        retrying: Any = getattr(function, "retry", None)
        if not hasattr(function, "retry_with") or not hasattr(retrying, "before_sleep"):
            continue
        if not isinstance(retrying.before_sleep, _BeforeSleep):
            chained.append((retrying, retrying.before_sleep))
            retrying.before_sleep = _chain(retrying.before_sleep, note, guard)

    def undo() -> None:
        while chained:
            retrying, original = chained.pop()
            retrying.before_sleep = original

    return undo


def _chain(original: Callable[..., Any] | None, note: Note, guard: Guard) -> _BeforeSleep:
    def before_sleep(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with guard.section("counting a retry"):
            note((args[0] if args else kwargs["retry_state"]).attempt_number)
        return wrapped(*args, **kwargs)

    return _BeforeSleep(original or _do_nothing, before_sleep)


class _BeforeSleep(wrapt.FunctionWrapper[..., Any]):
    """Told apart from callbacks of others by its class; a coroutine function stays one."""


def _do_nothing(retry_state: Any) -> None:
    """Stand in where no callback was set."""
