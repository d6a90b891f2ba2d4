"""The synchronous instruments: the SDK's, with a short way for attribute sets that were seen before.

What is new or wrong (a first attribute set, a negative amount, a disabled meter) goes the SDK's own way, up to the
point where the SDK would hand the measurement to its consumer: it comes back to `take`.
"""

from __future__ import annotations

import logging
import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.util.types import Attributes

from phoenix_otel.sdk.cells import (
    Cell,
    DistributionCell,
    DistributionTally,
    LastCell,
    LastTally,
    Number,
    SumCell,
    SumTally,
    Tally,
)
from phoenix_otel.sdk.internals import Measurement, _Counter, _Gauge, _Histogram, _UpDownCounter
from phoenix_otel.sdk.series import SeriesTable

if TYPE_CHECKING:
    from phoenix_otel.sdk.collection import Core, ReaderView

_logger = logging.getLogger("phoenix_otel")

_LARGEST: Final = sys.float_info.max
_SHORT: Final = (1 << 30) - 1
"""Whole numbers up to here compare fastest; what is larger takes the longer way."""
Record = Callable[[Number], None]


class _Bound:
    """One instrument and one cell of it. `record` repeats what the cell does: a call less is a tenth of its time."""

    __slots__ = ("_attributes", "_cell", "_instrument", "_lock", "_possible")

    def __init__(self, instrument: CellInstrument, cell: Any, attributes: dict[str, Any]) -> None:
        self._instrument = instrument
        self._cell = cell
        self._attributes = attributes
        self._lock = instrument.lock
        self._possible = instrument.possible

    def record(self, amount: Number) -> None:
        """Record a non-negative amount."""
        self._instrument.take_in(amount, self._attributes)


class _BoundSum(_Bound):
    __slots__ = ()

    def record(self, amount: Number) -> None:
        """Add a non-negative amount."""
        possible = self._possible
        if self._instrument.short and 0 <= amount <= _SHORT and not possible():
            with self._lock:
                self._cell.value += amount
        else:
            self._instrument.take_in(amount, self._attributes)


class _BoundDistribution(_Bound):
    __slots__ = ()

    def record(self, amount: Number) -> None:
        """Record a non-negative amount in its bucket."""
        possible = self._possible
        if self._instrument.short and 0 <= amount <= _LARGEST and not possible():
            cell = self._cell
            bucket = bisect_left(cell.bounds, amount)
            with self._lock:
                cell.sum += amount
                cell.counts[bucket] += 1
                if amount < cell.min:
                    cell.min = amount
                if amount > cell.max:
                    cell.max = amount
        else:
            self._instrument.take_in(amount, self._attributes)


class CellInstrument(SeriesTable):
    """What the instruments share. It takes over the state of the SDK's `inner` one, whose name has been checked."""

    kind: type[Any]
    least = -_LARGEST
    bound: type[_Bound] = _Bound
    name: str
    unit: str
    description: str
    instrumentation_scope: InstrumentationScope

    def __init__(self, inner: Any, core: Core) -> None:
        for name, value in {**vars(inner), "_measurement_consumer": _WAY_BACK}.items():
            setattr(self, name, value)
        super().__init__(core.lock, core.limit(self))
        self.inner = inner
        self.own: tuple[ReaderView, ...] = ()
        self.by_sdk: tuple[ReaderView, ...] = ()
        self._core = core
        self.possible = core.exemplars.possible
        self.opened = False

    def take(self, measurement: Measurement) -> None:
        """Take in what the SDK has checked; ValueError where bucket boundaries are not ascending, as the SDK has it."""
        if not self._core.readers:
            return
        attributes: Any = measurement.attributes or {}
        if not self.opened:
            self._core.open(self)
        with self.lock:
            cell, overflows = self.find(attributes)
        rest = {name: value for name, value in attributes.items() if name not in cell.names} if attributes else None
        self._put(cell, measurement.value, attributes, rest, measurement.context)
        for view in self.by_sdk:
            view.pass_on(measurement, self.inner)
        if overflows:
            _logger.warning(
                "phoenix_otel: %s has more than %d attribute sets; the rest is one series", self.name, self.limit
            )

    def begin(self, by_default: Mapping[ReaderView, bool]) -> None:
        """Be seen by the readers of the first record: by the total in the cells, by tallies, or by the SDK."""
        self.by_sdk = tuple(view for view, default in by_default.items() if not default)
        self.own = tuple(view for view, default in by_default.items() if default and not view.cumulative(self))
        self.refresh()

    def see(self, view: ReaderView, *, by_default: bool) -> None:
        """Be seen by a reader that came later: by tallies of its own, or by the SDK."""
        if not by_default:
            self.by_sdk = (*self.by_sdk, view)
        else:
            self.own = (*self.own, view)
            for cell in self.cells:
                cell.tallies = (*cell.tallies, self.tally())
        self.refresh()

    def unsee(self, view: ReaderView) -> None:
        """Forget a reader."""
        self.by_sdk = tuple(other for other in self.by_sdk if other is not view)
        if view in self.own:
            place = self.own.index(view)
            self.own = (*self.own[:place], *self.own[place + 1 :])
            for cell in self.cells:
                cell.tallies = (*cell.tallies[:place], *cell.tallies[place + 1 :])
        self.refresh()

    def refresh(self) -> None:
        """Take the short way where nothing stands against it."""
        known = self.inner._is_enabled() and not self.by_sdk
        self.go_fast(known, short=known and not self.own)

    def prepare(self, default: Any) -> None:
        """Learn, at the first record, from the aggregation that the SDK would have made."""

    def tally(self) -> Tally:
        """Return an empty tally."""
        raise NotImplementedError

    def _take_longer(
        self, sdks: Callable[..., None], amount: Number, attributes: Attributes, context: Context | None
    ) -> None:
        """Record on what was seen before, in a span or without text, too; leave all else to the SDK."""
        cell = self.look_up(attributes)
        if cell is not None and self.least <= amount <= _LARGEST:
            self._put(cell, amount, attributes, {} if attributes else None, context)
        else:
            sdks(amount, attributes, context)

    def _put(
        self, cell: Any, amount: Number, attributes: Any, rest: dict[str, Any] | None, context: Context | None
    ) -> None:
        mark = None
        if context or self.possible():
            mark = self._core.exemplars.mark(amount, attributes, rest, context)
        with self.lock:
            cell.record(amount)
            if mark is not None:
                cell.keep(mark)

    def recording_on(self, attributes: dict[str, Any]) -> Record:
        """Return a function that records non-negative amounts on one attribute set without looking it up again."""
        cell = self.look_up(attributes)
        return (
            self.bound(self, cell, attributes).record
            if cell is not None
            else partial(self.take_in, attributes=attributes)
        )

    def take_in(self, amount: Number, attributes: Attributes = None) -> None:
        """Record, by whatever name the instrument has for that."""
        raise NotImplementedError

    def start(self, cell: Cell) -> None:
        """Give a new cell its tallies."""
        cell.tallies = tuple(self.tally() for _ in self.own)


class _WayBack:
    """Stands where the SDK's instruments have their consumer."""

    def consume_measurement(self, measurement: Any) -> None:
        """Lead a measurement to the cells of its instrument."""
        measurement.instrument.take(measurement)


_WAY_BACK: Final = _WayBack()


class _Summing(CellInstrument):
    """Adds up."""

    def new_cell(self, names: tuple[str, ...], values: tuple[Any, ...]) -> SumCell:
        """Make the cell of a new attribute set."""
        return SumCell(names, values, time_ns())

    def tally(self) -> SumTally:
        """Return an empty tally."""
        return SumTally()


class Counter(_Summing, _Counter):
    """A monotonic sum."""

    kind = _Counter
    least = 0.0
    bound = _BoundSum

    def add(self, amount: Number, attributes: Attributes = None, context: Context | None = None) -> None:
        """Add a finite, non-negative amount; TypeError if it is no number."""
        pick, possible = self._pick, self.possible  # called as locals: faster than as attributes
        try:
            if attributes.__class__ is dict and len(attributes) == self._width:
                cell = self._known[pick(attributes)]
                if 0 <= amount <= _SHORT and not context and not possible():
                    with self.lock:
                        cell.value += amount
                    return
        except (KeyError, TypeError):
            pass  # not seen before, or not as text
        self._take_longer(super().add, amount, attributes, context)

    take_in = add


class UpDownCounter(_Summing, _UpDownCounter):
    """A sum that can fall."""

    kind = _UpDownCounter

    def add(self, amount: Number, attributes: Attributes = None, context: Context | None = None) -> None:
        """Add a finite amount; TypeError if it is no number."""
        pick, possible = self._pick, self.possible  # called as locals: faster than as attributes
        try:
            if attributes.__class__ is dict and len(attributes) == self._width:
                cell = self._known[pick(attributes)]
                if -_SHORT <= amount <= _SHORT and not context and not possible():
                    with self.lock:
                        cell.value += amount
                    return
        except (KeyError, TypeError):
            pass  # not seen before, or not as text
        self._take_longer(super().add, amount, attributes, context)

    take_in = add


class Gauge(CellInstrument, _Gauge):
    """The latest value."""

    kind = _Gauge

    def set(self, amount: Number, attributes: Attributes = None, context: Context | None = None) -> None:
        """Set a finite amount; TypeError if it is no number."""
        pick, possible = self._pick, self.possible  # called as locals: faster than as attributes
        try:
            if attributes.__class__ is dict and len(attributes) == self._width:
                cell = self._known[pick(attributes)]
                if -_LARGEST <= amount <= _LARGEST and not context and not possible():
                    cell.value = amount  # whole by itself: no lock
                    return
        except (KeyError, TypeError):
            pass  # not seen before, or not as text
        self._take_longer(super().set, amount, attributes, context)

    take_in = set  # noqa: A003 - the API's name

    def new_cell(self, names: tuple[str, ...], values: tuple[Any, ...]) -> LastCell:
        """Make the cell of a new attribute set."""
        return LastCell(names, values, time_ns())

    def tally(self) -> LastTally:
        """Return an empty tally."""
        return LastTally()


class Histogram(CellInstrument, _Histogram):
    """A distribution over explicit buckets."""

    kind = _Histogram
    least = 0.0
    bound = _BoundDistribution
    bounds: tuple[float, ...] = ()

    def record(self, amount: Number, attributes: Attributes = None, context: Context | None = None) -> None:
        """Record a finite, non-negative amount; TypeError if it is no number."""
        pick, possible = self._pick, self.possible  # called as locals: faster than as attributes
        try:
            if attributes.__class__ is dict and len(attributes) == self._width:
                cell = self._known[pick(attributes)]
                if 0 <= amount <= _LARGEST and not context and not possible():
                    bucket = bisect_left(self.bounds, amount)
                    with self.lock:
                        cell.sum += amount
                        cell.counts[bucket] += 1
                        if amount < cell.min:
                            cell.min = amount
                        if amount > cell.max:
                            cell.max = amount
                    return
        except (KeyError, TypeError):
            pass  # not seen before, or not as text
        self._take_longer(super().record, amount, attributes, context)

    take_in = record

    def prepare(self, default: Any) -> None:
        """Take the bucket boundaries that the SDK would have used."""
        self.bounds = default._boundaries

    def new_cell(self, names: tuple[str, ...], values: tuple[Any, ...]) -> DistributionCell:
        """Make the cell of a new attribute set."""
        return DistributionCell(self.bounds, names, values, time_ns())

    def tally(self) -> DistributionTally:
        """Return an empty tally."""
        return DistributionTally(self.bounds)
