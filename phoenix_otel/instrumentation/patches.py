"""Functions of other libraries, wrapped while an instrumentation is on and put back afterwards."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import wrapt

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
"""As wrapt calls it: the wrapped function, its instance, positional and keyword arguments."""


class Patches:
    """What one instrumentation has wrapped.

    Where somebody else has wrapped the same function since, `undo` leaves both in place: wrappers must therefore pass
    calls through once their instrumentation is off.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any, Any]] = []

    def wrap(self, owner: Any, name: str, wrapper: Wrapper) -> None:
        """Wrap a function of a class or module; AttributeError if there is none."""
        original = inspect.getattr_static(owner, name)
        wrapped = wrapt.FunctionWrapper(original, wrapper)
        setattr(owner, name, wrapped)
        self._done.append((owner, name, original, wrapped))

    def undo(self) -> None:
        """Put back what was there, the last one first."""
        while self._done:
            owner, name, original, wrapped = self._done.pop()
            if inspect.getattr_static(owner, name, None) is wrapped:
                setattr(owner, name, original)
