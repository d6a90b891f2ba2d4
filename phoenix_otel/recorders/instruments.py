"""Instruments that cannot hurt their caller: OpenTelemetry's, behind bounded, cleaned attributes and a guard.

They are made unbound, record nothing until `bind` gives them a meter, and can be bound again after a shutdown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from time import monotonic
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from phoenix_otel._guard import Guard
from phoenix_otel.catalog import Metric
from phoenix_otel.recorders.series import Attributes, Labels, Series

SourceT = TypeVar("SourceT")
Record = Callable[[float], None]
Reading = tuple[Labels, float]
_Key = tuple[tuple[str, str | bool], ...]

_LARGEST: Final = 2**63
_LARGEST_WHOLE: Final = 2**31  # larger ones are added as floats: a whole total would outgrow OTLP's 64 bits


@dataclass(frozen=True, slots=True)
class Binding:
    """What instruments are bound to: a meter, the buckets that options replace, and the cardinality limits."""

    meter: Meter
    buckets: Mapping[str, Sequence[float]] = field(default_factory=dict)
    cardinality_limit: int = 2000
    cardinality_limits: Mapping[str, int] = field(default_factory=dict)

    def limit(self, metric: Metric) -> int:
        """Return how many attribute sets a metric may have."""
        limits = self.cardinality_limits
        if not metric.limited:
            return sys.maxsize
        return limits.get(metric.name, limits.get(metric.prometheus_name, self.cardinality_limit))


@dataclass(slots=True)
class Activity:
    """When recording began and anything was last recorded, on the monotonic clock; None before the first record."""

    bound_at: float = 0.0
    last_record: float | None = None


class Instrument(Protocol):
    """What `Instruments` binds and unbinds."""

    def bind(self, binding: Binding) -> None: ...
    def unbind(self) -> None: ...


def _number(amount: Any) -> float:
    """Return an int or float that every exporter can carry; raises whatever the amount raises, or ValueError."""
    if type(amount) is int and -_LARGEST_WHOLE <= amount <= _LARGEST_WHOLE:
        return amount
    number = float(amount)
    if not -_LARGEST <= number <= _LARGEST:
        raise ValueError("not a number, or too large")
    return number


class _Synchronous:
    """What Counter and Histogram share: guarded recording of non-negative amounts.

    What records on a series is remembered by the label values as they were given.
    """

    def __init__(self, metric: Metric, guard: Guard, activity: Activity) -> None:
        self._metric = metric
        self._guard = guard
        self._activity = activity
        self._series = Series(metric, guard)
        self._records: dict[Labels, Record] = {}
        self._bound: Callable[[Attributes], Record] | None = None

    @property
    def series(self) -> tuple[str, int]:
        """The metric's Prometheus name and how many series it has."""
        return self._metric.prometheus_name, len(self._series)

    def unbind(self) -> None:
        """Record nothing from now on."""
        self._bound = None
        self._records = {}

    def _begin(self, instrument: Any, record: Callable[[float, Any], None], limit: int) -> None:
        """Record on an OpenTelemetry instrument; one that can be bound to attributes finds its number faster."""
        self._series.reset(limit)
        self._records = {}
        self._bound = getattr(instrument, "recording_on", None) or (
            lambda attributes: lambda amount: record(amount, attributes)
        )

    def _take(self, amount: float, *labels: object) -> None:
        """Record an amount, with label values in catalog order."""
        try:
            record = self._records[labels]
        except Exception:  # not seen yet, or a value that cannot be hashed or compared
            self._take_first(amount, labels)
            return
        try:
            kind = amount.__class__
            if (kind is not int and kind is not float) or not 0 <= amount <= _LARGEST_WHOLE:
                amount = self._checked(amount)
            record(amount)
            self._activity.last_record = monotonic()
        except Exception as error:
            self._stumbled(error)

    def _take_first(self, amount: float, labels: Labels) -> None:
        bound = self._bound
        if bound is None:
            return
        try:
            checked = self._checked(amount)
            attributes = self._series.attributes(labels)
            self._start_beside(attributes, bound)
            record = bound(attributes)
            record(checked)
            self._activity.last_record = monotonic()
            if self._series.knows(labels):
                # bound again: only now has the instrument something to lead to
                self._records[labels] = bound(attributes)
        except Exception as error:
            self._stumbled(error)

    def _start_beside(self, attributes: Attributes, bound: Callable[[Attributes], Record]) -> None:
        """Start what belongs beside a new series."""

    def _checked(self, amount: Any) -> float:
        try:
            number = _number(amount)
        except Exception:  # whatever an object of the scraper's raises
            raise _RefusedError from None
        if number < 0:
            raise _RefusedError
        return number

    def _stumbled(self, error: Exception) -> None:
        if isinstance(error, _RefusedError):
            self._guard.refused(self._metric.name, "not a number from 0 to 2^63")
        else:
            self._guard.caught(f"recording {self._metric.name}", error)


class _RefusedError(Exception):
    """An amount that no metric can hold."""


class Counter(_Synchronous):
    """A monotonic sum; the status siblings of a series start at zero with it."""

    add = _Synchronous._take

    def bind(self, binding: Binding) -> None:
        """Count on this meter; a metric without attributes shows 0 at once."""
        counter = binding.meter.create_counter(self._metric.name, self._metric.unit, self._metric.description)
        self._begin(counter, counter.add, binding.limit(self._metric))
        if not self._metric.attributes:
            counter.add(0, self._series.attributes(()))

    def _start_beside(self, attributes: Attributes, bound: Callable[[Attributes], Record]) -> None:
        for sibling in self._series.siblings(attributes):
            bound(sibling)(0)


class Histogram(_Synchronous):
    """A distribution over the catalog's buckets, or the option's that replaces them."""

    record = _Synchronous._take

    def bind(self, binding: Binding) -> None:
        """Record on this meter."""
        bounds = binding.buckets.get(self._metric.bucket_option or "", self._metric.buckets)
        histogram = binding.meter.create_histogram(
            self._metric.name,
            self._metric.unit,
            self._metric.description,
            explicit_bucket_boundaries_advisory=[float(bound) for bound in bounds],
        )
        self._begin(histogram, histogram.record, binding.limit(self._metric))


Reader = Callable[[Any], Iterable[Reading]]


class Observable:
    """A value read when someone looks: set by sources, or asked of them; sources are combined, never overwritten.

    A source is held weakly and drops out once nobody else holds it. `combine` is sum, min or max.
    """

    def __init__(
        self, metric: Metric, guard: Guard, activity: Activity, combine: Callable[[list[float]], float]
    ) -> None:
        self._metric = metric
        self._guard = guard
        self._activity = activity
        self._combine = combine
        self._series = Series(metric, guard)
        self._lock = RLock()
        self._bound = False
        self._set: WeakKeyDictionary[Any, dict[_Key, Callable[[], float]]] = WeakKeyDictionary()
        self._asked: WeakKeyDictionary[Any, Reader] = WeakKeyDictionary()

    @property
    def series(self) -> tuple[str, int]:
        """The metric's Prometheus name and how many series it has."""
        return self._metric.prometheus_name, len(self._series)

    def bind(self, binding: Binding) -> None:
        """Answer this meter's collections; values set earlier are forgotten, sources that are asked stay."""
        self._lock = RLock()  # after a fork the old one may be held by a thread that is not there any more
        with self._lock:
            self._series.reset(binding.limit(self._metric))
            self._set.clear()
        create = {
            "gauge": binding.meter.create_observable_gauge,
            "counter": binding.meter.create_observable_counter,
        }[self._metric.kind]
        create(self._metric.name, [self._observe], self._metric.unit, self._metric.description)
        self._bound = True

    def unbind(self) -> None:
        """Answer nothing from now on."""
        self._bound = False

    def set(self, value: float, *labels: object, source: object | None = None) -> None:
        """Set what `source` has to say (the caller at large by default)."""
        if not self._bound:
            return
        try:
            number = _number(value)
        except Exception:
            self._guard.refused(self._metric.name, "not a number from -2^63 to 2^63")
            return
        self._put(lambda: number, labels, source)

    def set_clock(self, seconds: float, *, source: object | None = None) -> None:
        """Set an age that grows on by itself, from `seconds` now."""
        if not self._bound:
            return
        with self._guard.section(f"setting {self._metric.name}"):
            start = monotonic() - _number(seconds)
            self._put(lambda: monotonic() - start, (), source)

    def clear(self, *, source: object | None = None) -> None:
        """Take back all that `source` has set."""
        with self._lock:
            self._set.pop(self if source is None else source, None)

    def has(self, *, source: object | None = None) -> bool:
        """Tell whether `source` has set anything that still holds."""
        return (self if source is None else source) in self._set

    def _put(self, read: Callable[[], float], labels: Labels, source: object | None) -> None:
        with self._guard.section(f"setting {self._metric.name}"), self._lock:
            key = tuple(self._series.attributes(labels).items())
            self._set.setdefault(self if source is None else source, {})[key] = read
            self._activity.last_record = monotonic()

    def ask(self, source: SourceT, reader: Callable[[SourceT], Iterable[Reading]]) -> None:
        """Call `reader(source)` at each collection, for pairs of label values and number; it must not hold it."""
        with self._lock:
            self._asked[source] = reader

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        if not self._bound:
            return []
        with self._lock:
            asked = list(self._asked.items())
            readings = [reading for values in self._set.values() for reading in values.items()]
        gathered: dict[_Key, list[float]] = {}
        for key, read in readings:
            gathered.setdefault(key, []).append(read())
        for source, reader in asked:
            with self._guard.section(f"reading {self._metric.name}"):
                for labels, value in reader(source):
                    key = tuple(self._series.attributes(labels).items())
                    gathered.setdefault(key, []).append(_number(value))
        return [Observation(self._combine(values), dict(key)) for key, values in gathered.items()]


class Instruments:
    """The instruments of one recorder, bound and unbound together."""

    def __init__(self, guard: Guard, activity: Activity) -> None:
        self._guard = guard
        self._activity = activity
        self._all: list[Instrument] = []
        self._with_series: list[Counter | Histogram | Observable] = []

    def counter(self, metric: Metric) -> Counter:
        """Make the counter of a catalog entry."""
        return self._counted(Counter(metric, self._guard, self._activity))

    def histogram(self, metric: Metric) -> Histogram:
        """Make the histogram of a catalog entry."""
        return self._counted(Histogram(metric, self._guard, self._activity))

    def observable(self, metric: Metric, combine: Callable[[list[float]], float] = sum) -> Observable:
        """Make the observable gauge or counter of a catalog entry."""
        return self._counted(Observable(metric, self._guard, self._activity, combine))

    def series(self) -> Iterable[tuple[str, int]]:
        """Return the Prometheus name of each metric that has series, and how many."""
        return [instrument.series for instrument in self._with_series if instrument.series[1]]

    def bind(self, binding: Binding) -> None:
        """Bind all of them."""
        for instrument in self._all:
            instrument.bind(binding)

    def unbind(self) -> None:
        """Unbind all of them."""
        for instrument in self._all:
            instrument.unbind()

    _InstrumentT = TypeVar("_InstrumentT", bound=Instrument)

    def keep(self, instrument: _InstrumentT) -> _InstrumentT:
        """Bind and unbind this together with the others."""
        self._all.append(instrument)
        return instrument

    _CountedT = TypeVar("_CountedT", Counter, Histogram, Observable)

    def _counted(self, instrument: _CountedT) -> _CountedT:
        self._with_series.append(instrument)
        return self.keep(instrument)
