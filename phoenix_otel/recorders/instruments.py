"""Instruments that cannot hurt their caller: OpenTelemetry's, behind bounded, cleaned attributes and a guard.

They are made unbound, record nothing until `bind` gives them a meter, and can be bound again after a shutdown.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from phoenix_otel import redaction
from phoenix_otel._guard import Guard
from phoenix_otel.catalog import Metric

SourceT = TypeVar("SourceT")
Labels = tuple[object, ...]
Attributes = dict[str, str | bool]
Reading = tuple[Labels, float]
_Key = tuple[tuple[str, str | bool], ...]

_OVERFLOW: Final[Attributes] = {"otel.metric.overflow": True}
_LONGEST_LABEL: Final = 256
_LONGEST_CLEANED: Final = 2048
_LARGEST_EXACT: Final = 2**53
_CLEANERS: Final[Mapping[str, Callable[[Any], str]]] = {"proxy_id": redaction.proxy_id}


@dataclass(frozen=True, slots=True)
class Binding:
    """What instruments are bound to: a meter, the buckets that options replace, and the cardinality limit."""

    meter: Meter
    buckets: Mapping[str, Sequence[float]] = field(default_factory=dict)
    cardinality_limit: int = 2000


@dataclass(slots=True)
class Activity:
    """When recording began and anything was last recorded, on the monotonic clock; None before the first record."""

    bound_at: float = 0.0
    last_record: float | None = None


class Instrument(Protocol):
    """What `Instruments` binds and unbinds."""

    def bind(self, binding: Binding) -> None: ...
    def unbind(self) -> None: ...


class Series:
    """The attribute sets of one metric: label values cleaned once, the number of sets bounded."""

    def __init__(self, metric: Metric, guard: Guard) -> None:
        self._metric = metric
        self._guard = guard
        self._cleaners = [_CLEANERS.get(name, _as_text) for name in metric.attributes]
        self.reset(limit=2000)

    def reset(self, limit: int) -> None:
        """Forget every set; `limit` includes the overflow series."""
        self._limit = limit
        self._by_given: dict[Labels, Attributes] = {}
        self._by_clean: dict[tuple[str, ...], Attributes] = {}

    def attributes(self, given: Labels) -> Attributes:
        """Return the attributes for label values in catalog order, the overflow series once the limit is reached."""
        try:
            return self._by_given[given]
        except (KeyError, TypeError):
            return self._first_seen(given)

    def _first_seen(self, given: Labels) -> Attributes:
        cleaned = tuple(_bounded(clean(value)) for clean, value in zip(self._cleaners, given, strict=True))
        attributes = self._by_clean.get(cleaned)
        if attributes is None:
            if len(self._by_clean) >= self._limit - 1:
                self._guard.refused(
                    self._metric.name, f"more than {self._limit} attribute sets; the rest is one series"
                )
                attributes = _OVERFLOW
            else:
                attributes = dict(zip(self._metric.attributes, cleaned, strict=True))
                self._by_clean[cleaned] = attributes
        if len(self._by_given) < 4 * self._limit and all(_small(value) for value in given):
            self._by_given[given] = attributes
        return attributes

    def siblings(self, attributes: Attributes) -> Iterable[Attributes]:
        """Return the sets that differ from `attributes` in status alone and are not known yet; they become known."""
        for status in self._metric.siblings if "status" in attributes else ():
            sibling = {**attributes, "status": status}
            cleaned = tuple(str(value) for value in sibling.values())
            if cleaned not in self._by_clean and len(self._by_clean) < self._limit - 1:
                self._by_clean[cleaned] = sibling
                yield sibling

    def knows(self, given: Labels) -> bool:
        """Tell whether these label values were seen before."""
        try:
            return given in self._by_given
        except TypeError:
            return True


def _as_text(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return redaction.text(text[:_LONGEST_CLEANED])  # what comes from a page may be megabytes, and cleaning takes time


def _bounded(text: str) -> str:
    """Cut a label value to a sane length, and replace what UTF-8 cannot carry."""
    return text[:_LONGEST_LABEL].encode("utf-8", "replace").decode("utf-8")


def _small(value: object) -> bool:
    return type(value) is int or (type(value) is str and len(value) <= _LONGEST_LABEL)


def _number(amount: Any) -> float:
    """Return an int or float that every exporter can carry; raises TypeError, ValueError or OverflowError."""
    if type(amount) is int and -_LARGEST_EXACT <= amount <= _LARGEST_EXACT:
        return amount
    number = float(amount)
    if not math.isfinite(number):
        raise ValueError(amount)
    return number


class _Synchronous:
    """What Counter and Histogram share: guarded recording of non-negative amounts."""

    def __init__(self, metric: Metric, guard: Guard, activity: Activity) -> None:
        self._metric = metric
        self._guard = guard
        self._activity = activity
        self._series = Series(metric, guard)
        self._record: Callable[[float, Any], None] | None = None

    def unbind(self) -> None:
        """Record nothing from now on."""
        self._record = None

    def _take(self, amount: float, labels: Labels) -> None:
        record = self._record
        if record is None:
            return
        try:
            if type(amount) is not float or not amount < math.inf:
                amount = _number(amount)
            if amount < 0:
                raise ValueError(amount)
        except (TypeError, ValueError, OverflowError):
            self._guard.refused(self._metric.name, "not a finite, non-negative number")
            return
        try:
            record(amount, self._series.attributes(labels))
            self._activity.last_record = time.monotonic()
        except Exception as error:
            self._guard.caught(f"recording {self._metric.name}", error)


class Counter(_Synchronous):
    """A monotonic sum."""

    def bind(self, binding: Binding) -> None:
        """Count on this meter; a metric without attributes shows 0 at once."""
        self._series.reset(binding.cardinality_limit)
        counter = binding.meter.create_counter(self._metric.name, self._metric.unit, self._metric.description)
        if not self._metric.attributes:
            counter.add(0, {})
        self._record = counter.add

    def add(self, amount: float, *labels: object) -> None:
        """Add `amount`, with label values in catalog order; its status siblings start at zero."""
        if self._metric.siblings and self._record is not None and not self._series.knows(labels):
            self._start_siblings(labels)
        self._take(amount, labels)

    def _start_siblings(self, labels: Labels) -> None:
        with self._guard.section(f"recording {self._metric.name}"):
            for sibling in self._series.siblings(self._series.attributes(labels)):
                if self._record is not None:
                    self._record(0, sibling)


class Histogram(_Synchronous):
    """A distribution over the catalog's buckets, or the option's that replaces them."""

    def bind(self, binding: Binding) -> None:
        """Record on this meter."""
        self._series.reset(binding.cardinality_limit)
        bounds = binding.buckets.get(self._metric.bucket_option or "", self._metric.buckets)
        self._record = binding.meter.create_histogram(
            self._metric.name,
            self._metric.unit,
            self._metric.description,
            explicit_bucket_boundaries_advisory=[float(bound) for bound in bounds],
        ).record

    def record(self, value: float, *labels: object) -> None:
        """Record one value, with label values in catalog order."""
        self._take(value, labels)


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

    def bind(self, binding: Binding) -> None:
        """Answer this meter's collections; values set earlier are forgotten, sources that are asked stay."""
        self._lock = RLock()  # after a fork the old one may be held by a thread that is not there any more
        with self._lock:
            self._series.reset(binding.cardinality_limit)
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
        except (TypeError, ValueError, OverflowError):
            self._guard.refused(self._metric.name, "not a finite number")
            return
        self._put(lambda: number, labels, source)

    def set_clock(self, seconds: float, *, source: object | None = None) -> None:
        """Set an age that grows on by itself, from `seconds` now."""
        if not self._bound:
            return
        with self._guard.section(f"setting {self._metric.name}"):
            start = time.monotonic() - _number(seconds)
            self._put(lambda: time.monotonic() - start, (), source)

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
            self._activity.last_record = time.monotonic()

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

    def counter(self, metric: Metric) -> Counter:
        """Make the counter of a catalog entry."""
        return self.keep(Counter(metric, self._guard, self._activity))

    def histogram(self, metric: Metric) -> Histogram:
        """Make the histogram of a catalog entry."""
        return self.keep(Histogram(metric, self._guard, self._activity))

    def observable(self, metric: Metric, combine: Callable[[list[float]], float] = sum) -> Observable:
        """Make the observable gauge or counter of a catalog entry."""
        return self.keep(Observable(metric, self._guard, self._activity, combine))

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
