"""Where numbers add up: one cell for each attribute set of an instrument.

A cell holds the running total that every cumulative reader shares. A reader that wants something else (deltas, or only
what came after it was added) has a tally of its own, kept beside the total.

All of this is read and written under the provider's one lock. It is re-entrant, so that a signal handler or a GC
callback that records meanwhile goes on; and it is the only one, so that two threads cannot wait for each other. An
addition makes no call between reading and writing: what interrupts it comes before or after, never in the middle.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

Number: TypeAlias = "int | float"


class Mark(NamedTuple):
    """One measurement kept as an exemplar; `order` grows from mark to mark.

    `rest` are the attributes that its series does not have, None for a measurement without attributes.
    """

    order: int
    value: Number
    time_unix_nano: int
    span_id: int | None
    trace_id: int | None
    rest: dict[str, Any] | None


class Distribution(NamedTuple):
    """What a histogram holds at one moment: `counts` by bucket, the last one above every bound."""

    counts: Sequence[int]
    sum: Number
    min: Number
    max: Number


class SumTally:
    """What was added since this was emptied; None for nothing."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Number | None = None

    def record(self, amount: Number) -> None:
        """Add an amount."""
        self.value = (0 if self.value is None else self.value) + amount

    def read(self) -> Number | None:
        """Return what is here now."""
        return self.value

    def take(self) -> Number | None:
        """Return what is here now, and start again from nothing."""
        value, self.value = self.value, None
        return value


class LastTally(SumTally):
    """What was set last since this was emptied; None for nothing."""

    __slots__ = ()

    def record(self, amount: Number) -> None:
        """Put an amount in place of the last one."""
        self.value = amount


class DistributionTally:
    """What was recorded since this was emptied."""

    __slots__ = ("bounds", "counts", "max", "min", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum: Number = 0
        self.min: Number = math.inf
        self.max: Number = -math.inf

    def record(self, amount: Number) -> None:
        """Count an amount in its bucket."""
        bucket = bisect_left(self.bounds, amount)
        self.sum += amount  # first: it refuses what cannot be added
        self.counts[bucket] += 1
        if amount < self.min:
            self.min = amount
        if amount > self.max:
            self.max = amount

    def read(self) -> Distribution | None:
        """Return what is here now."""
        return Distribution(self.counts[:], self.sum, self.min, self.max) if any(self.counts) else None

    def take(self) -> Distribution | None:
        """Return what is here now, and start again from nothing."""
        nothing, none_yet = [0] * (len(self.bounds) + 1), -math.inf
        # no call in these two lines: nothing can come in between
        counts, total, low, high = self.counts, self.sum, self.min, self.max
        self.counts, self.sum, self.min, self.max = nothing, 0, math.inf, none_yet
        return Distribution(counts, total, low, high) if any(counts) else None


Tally: TypeAlias = "SumTally | DistributionTally"


class Cell:
    """What the cells of all kinds share: the attribute set, when it was first seen, tallies and exemplars."""

    __slots__ = ("marks", "names", "start", "tallies", "values")

    def __init__(self, names: tuple[str, ...], values: tuple[Any, ...], start: int) -> None:
        self.names = names
        self.values = values
        self.start = start
        self.tallies: tuple[Tally, ...] = ()
        self.marks: dict[int, Mark] | None = None

    def record(self, amount: Number) -> None:
        """Take in an amount that has been checked."""
        raise NotImplementedError

    def attributes(self) -> dict[str, Any]:
        """Return the attribute set."""
        return dict(zip(self.names, self.values, strict=True))

    def tell(self, amount: Number) -> None:
        """Pass an amount on to the tallies."""
        for tally in self.tallies:
            tally.record(amount)

    def keep(self, mark: Mark) -> None:
        """Keep an exemplar in place of the one before it."""
        if self.marks is None:
            self.marks = {}
        self.marks[self._place(mark.value)] = mark

    def kept(self, after: int, before: int) -> list[Mark]:
        """Return the exemplars of these orders, by bucket."""
        marks = sorted(self.marks.items()) if self.marks else ()
        return [mark for _, mark in marks if after < mark.order < before]

    def _place(self, _: Number) -> int:
        return 0


class SumCell(Cell):
    """The total of a counter."""

    __slots__ = ("value",)

    def __init__(self, *of_every_cell: Any) -> None:
        super().__init__(*of_every_cell)
        self.value: Number = 0

    def record(self, amount: Number) -> None:
        """Add an amount."""
        self.value += amount
        if self.tallies:
            self.tell(amount)

    def read(self) -> Number:
        """Return what is here now."""
        return self.value


class LastCell(SumCell):
    """The latest value of a gauge."""

    __slots__ = ()

    def record(self, amount: Number) -> None:
        """Put an amount in place of the last one."""
        self.value = amount
        if self.tallies:
            self.tell(amount)


class DistributionCell(Cell):
    """The buckets of a histogram."""

    __slots__ = ("bounds", "counts", "max", "min", "sum")

    def __init__(self, bounds: tuple[float, ...], *of_every_cell: Any) -> None:
        super().__init__(*of_every_cell)
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum: Number = 0
        self.min: Number = math.inf
        self.max: Number = -math.inf

    def record(self, amount: Number) -> None:
        """Count an amount in its bucket."""
        bucket = bisect_left(self.bounds, amount)
        self.sum += amount  # first: it refuses what cannot be added
        self.counts[bucket] += 1
        if amount < self.min:
            self.min = amount
        if amount > self.max:
            self.max = amount
        if self.tallies:
            self.tell(amount)

    def read(self) -> Distribution:
        """Return what is here now."""
        return Distribution(self.counts[:], self.sum, self.min, self.max)

    def _place(self, value: Number) -> int:
        return bisect_left(self.bounds, value)
