"""From attributes to cells. Equal sets are one series whatever their order; True, 1 and 1.0 differ.

Most instruments are always given the same names with text as values. The first such set is the layout: its series are
found by the tuple of their values. All others are found by names, values and types, as given and in sorted order.

What is new is added under the lock, which keeps out other threads, but not what interrupts this one: a signal handler
may record in the middle of any of it. So each step leaves a whole table behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from threading import RLock
from typing import Any, Final, NamedTuple

from phoenix_otel.sdk.cells import Cell
from phoenix_otel.sdk.internals import hash_attributes

_PLAIN: Final = frozenset({str, bool, int, float, bytes, type(None)})
"""Types whose values can be told apart by equality and type; what holds others is keyed as the SDK does it."""

_OVERFLOW: Final[Mapping[str, bool]] = {"otel.metric.overflow": True}
_NO_LAYOUT: Final = -1


class _Layout(NamedTuple):
    names: tuple[str, ...]
    pick: Callable[[Any], Any]


class SeriesTable:
    """The cells of one instrument, at most `limit` of them, the overflow series included, and all their names."""

    def __init__(self, lock: RLock, limit: int) -> None:
        self.limit = limit
        self.cells: list[Any] = []
        self.names: set[str] = set()
        self.lock: Any = lock
        self.fast = self.short = True
        self._layout: _Layout | None = None
        self._width = _NO_LAYOUT
        self._pick: Callable[[Any], Any] = itemgetter("")
        self._known: dict[Any, Any] = {}
        self._typed: dict[Any, Any] = {}
        self._bare: Any = None
        self._overflow: Any = None

    def new_cell(self, names: tuple[str, ...], values: tuple[Any, ...]) -> Cell:
        """Make the cell of a new attribute set."""
        raise NotImplementedError

    def start(self, cell: Cell) -> None:
        """Do what a new cell needs before its first record."""

    def go_fast(self, fast: bool, *, short: bool) -> None:
        """Let `look_up` find what is known, and `_width` open the short way; or have everything go the SDK's way."""
        self.fast, self.short = fast, short
        layout = self._layout
        if layout is not None:
            self._pick = layout.pick
        self._width = len(layout.names) if short and layout is not None else _NO_LAYOUT  # last: it opens the way

    def look_up(self, attributes: Any) -> Any:
        """Return the cell of attributes that were seen before, as they are given; None for all else."""
        if not self.fast:
            return None
        if not attributes:
            return self._bare if attributes is None or attributes.__class__ is dict else None
        layout = self._layout
        try:
            if layout is not None and attributes.__class__ is dict and len(attributes) == len(layout.names):
                cell = self._known.get(layout.pick(attributes))
                if cell is not None:
                    return cell
        except (KeyError, TypeError):
            pass  # not the names of the layout
        try:
            return self._typed.get(_typed_key(attributes))
        except Exception:  # no mapping, or with values that cannot be a key
            return None

    def find(self, attributes: Mapping[str, Any]) -> tuple[Any, bool]:
        """Return the cell of cleaned attributes, a new one if need be, and whether this is the first to overflow."""
        given = {name: _without_subclass(value) for name, value in attributes.items()}
        table, key = self._place(given)
        cell = table.get(key)
        if cell is not None:
            self._remember(attributes, cell, table)
            return cell, False
        if given == _OVERFLOW:
            return self._overflow_cell(), False
        if len(self.cells) - (self._overflow is not None) >= self.limit - 1:
            first = self._overflow is None
            return self._overflow_cell(), first
        names, values, layout = tuple(given), tuple(given.values()), self._layout
        if table is self._known and layout is not None and names == layout.names:
            names, values = layout.names, key if len(names) > 1 else values  # nothing is kept twice
        cell = self._add(table, key, names, values)
        if not given:
            self._bare = cell
        self._remember(attributes, cell, table)
        return cell, False

    def _place(self, given: dict[str, Any]) -> tuple[dict[Any, Any], Any]:
        types = set(map(type, given.values()))
        if types == {str} and all(type(name) is str for name in given):
            layout = self._layout or self._lay_out(given)
            if len(given) == len(layout.names) and all(name in given for name in layout.names):
                return self._known, layout.pick(given)
        if types <= _PLAIN:
            return self._typed, _typed_key({name: given[name] for name in sorted(given)})
        return self._typed, hash_attributes(given)

    def _lay_out(self, given: dict[str, Any]) -> _Layout:
        layout = _Layout(tuple(given), itemgetter(*given))
        if self._layout is None:  # no call from here to the next line: nothing can come in between
            self._layout = layout
        self.go_fast(self.fast, short=self.short)
        return self._layout

    def _remember(self, attributes: Mapping[str, Any], cell: Any, table: dict[Any, Any]) -> None:
        """Know this order of names, too, unless the layout does."""
        room = table is not self._known and len(self._typed) < 8 * self.limit
        if room and set(map(type, attributes.values())) <= _PLAIN:
            self._typed[_typed_key(attributes)] = cell

    def _overflow_cell(self) -> Any:
        if self._overflow is None:
            names, values = tuple(_OVERFLOW), tuple(_OVERFLOW.values())
            self._overflow = self._add(self._typed, _typed_key(_OVERFLOW), names, values)
        return self._overflow

    def _add(self, table: dict[Any, Any], key: Any, names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
        """Add a cell, unless what has interrupted us was faster."""
        cell = self.new_cell(names, values)
        self.start(cell)
        self.names.update(names)
        placed = table.setdefault(key, cell)
        if placed is cell:
            self.cells.append(cell)
        return placed


def _typed_key(attributes: Mapping[str, Any]) -> tuple[Any, ...]:
    values = attributes.values()
    return (*attributes, *values, *map(type, values))


def _without_subclass(value: Any) -> Any:
    """Text is text: a member of a str enumeration is the same series as its value."""
    return str.__str__(value) if isinstance(value, str) and type(value) is not str else value
