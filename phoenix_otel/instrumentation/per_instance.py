"""Something of ours for each object of theirs, without touching the object or keeping it alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PerInstance(Generic[T]):
    """Makes one T for each object, by identity: objects need not be hashable. It goes when the object goes."""

    def __init__(self, make: Callable[[Callable[[], Any]], T]) -> None:
        self._make = make
        self._items: dict[int, tuple[Callable[[], Any], T]] = {}

    def of(self, instance: Any) -> T:
        """Return what belongs to this object; `make` gets a weak reference to it."""
        key = id(instance)
        known = self._items.get(key)
        if known is not None and known[0]() is instance:
            return known[1]
        items = self._items
        try:
            reference: Callable[[], Any] = weakref.ref(instance, lambda _: items.pop(key, None))
        except TypeError:  # __slots__ without __weakref__: such an object can only be kept
            reference = lambda: instance  # noqa: E731
        made = self._make(reference)
        items[key] = (reference, made)
        return made
