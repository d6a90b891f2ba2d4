"""Random programs: instruments, attributes, readers and what is done with them, run on any MeterProvider.

Amounts are whole numbers and eighths, so that sums are exact in whatever order they are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st
from opentelemetry.sdk.metrics import Counter, Histogram, UpDownCounter, _Gauge
from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricReader
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource

from phoenix_otel.sdk import MeterProvider

RESOURCE: Final = Resource({"service.name": "programs", "answer": 42})

DELTA: Final = AggregationTemporality.DELTA

READERS: Final[dict[str, Callable[[], MetricReader]]] = {
    "cumulative": InMemoryMetricReader,
    "delta": lambda: InMemoryMetricReader({Counter: DELTA, UpDownCounter: DELTA, Histogram: DELTA, _Gauge: DELTA}),
    "delta counters": lambda: InMemoryMetricReader({Counter: DELTA}),
    "exponential": lambda: InMemoryMetricReader(None, {Histogram: ExponentialBucketHistogramAggregation()}),
    "same by another name": lambda: InMemoryMetricReader(None, {Histogram: ExplicitBucketHistogramAggregation()}),
    "two buckets": lambda: InMemoryMetricReader(None, {Histogram: ExplicitBucketHistogramAggregation([1.0])}),
}

VIEWS: Final[dict[str, Callable[[], View]]] = {
    "renamed": lambda: View(instrument_name="requests", name="renamed"),
    "dropped": lambda: View(instrument_name="open", aggregation=DropAggregation()),
    "one attribute": lambda: View(instrument_name="duration", attribute_keys={"a"}),
    "other buckets": lambda: View(instrument_type=Histogram, aggregation=ExplicitBucketHistogramAggregation([2, 4])),
}


class Instrument(NamedTuple):
    """What is created: a method of a meter, its arguments, and the method that records."""

    scope: str
    create: str
    name: str
    unit: str
    description: str
    record: str


INSTRUMENTS: Final = (
    Instrument("own", "create_counter", "requests", "{request}", "Requests", "add"),
    Instrument("own", "create_counter", "Sent", "By", "", "add"),
    Instrument("other", "create_counter", "requests", "{request}", "Requests of others", "add"),
    Instrument("own", "create_up_down_counter", "open", "", "Open\nor\\not", "add"),
    Instrument("own", "create_gauge", "temperature", "Cel", 'The "inside"', "set"),
    Instrument("own", "create_histogram", "duration", "s", "Time", "record"),
    Instrument("other", "create_histogram", "size", "By", "", "record"),
)


class Record(NamedTuple):
    """One amount on one instrument."""

    instrument: int
    amount: Any
    attributes: Any


class Collect(NamedTuple):
    """One reader collects."""

    reader: int


class AddReader(NamedTuple):
    """A reader comes later."""

    kind: str


Step = Record | Collect | AddReader


@dataclass(frozen=True)
class Program:
    """Readers and views by name, and the steps."""

    readers: Sequence[str]
    views: Sequence[str]
    steps: Sequence[Step]


_VALUES = st.one_of(
    st.sampled_from(["x", "y", "", 'q"\\\n', "é", True, False, 1, 0, 1.0, 0.0, -0.5, None, b"x"]),
    st.lists(st.sampled_from([1, True, "x", 1.5]), max_size=2),
    st.tuples(st.integers(0, 1)),
    st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from([1, True, "x"]), max_size=2),
)
_TEXTS = st.dictionaries(st.sampled_from(["status", "endpoint"]), st.sampled_from(["x", "y"]), min_size=2)
_ALIKE = st.sampled_from([True, 1, 1.0, "1"])
_ATTRIBUTES = st.one_of(
    st.none(),
    st.just({}),
    _TEXTS,
    _TEXTS.map(lambda given: dict(reversed(given.items()))),
    _ALIKE.map(lambda value: {"a": value}),
    st.tuples(_ALIKE, _ALIKE, st.booleans()).map(lambda of: dict([("a", of[0]), ("b", of[1])][:: 1 if of[2] else -1])),
    st.dictionaries(st.sampled_from(["a", "b", "a.b", "a_b", "1st", "le", "status", "endpoint"]), _VALUES, max_size=3),
    st.sampled_from([{"": "dropped"}, {1: "a number"}, ["no", "mapping"], {"o": object}]),
)
GOOD_AMOUNTS = st.one_of(st.integers(0, 2000), st.integers(0, 16000).map(lambda eighths: eighths / 8))
AMOUNTS = st.one_of(
    GOOD_AMOUNTS, GOOD_AMOUNTS, st.sampled_from([-1, -0.5, True, 0, 10**7, float("nan"), float("inf"), -float("inf")])
)


def records(amounts: st.SearchStrategy[Any], instruments: Sequence[int]) -> st.SearchStrategy[Record]:
    """Return single records on some of the instruments."""
    return st.builds(Record, st.sampled_from(instruments), amounts, _ATTRIBUTES)


ALL: Final = range(len(INSTRUMENTS))
ADDING: Final = [number for number in ALL if INSTRUMENTS[number].record != "set"]
"""Instruments whose result does not depend on the order of records."""

SEQUENTIAL: Final = st.builds(
    Program,
    st.lists(st.sampled_from(sorted(READERS)), max_size=3),
    st.lists(st.sampled_from(sorted(VIEWS)), max_size=2, unique=True),
    st.lists(
        st.one_of(
            records(AMOUNTS, ALL),
            records(AMOUNTS, ALL),
            st.builds(Collect, st.integers(0, 3)),
            st.builds(AddReader, st.sampled_from(["cumulative", "delta", "exponential"])),
        ),
        max_size=25,
    ),
)
CONCURRENT: Final = st.builds(
    Program,
    st.lists(st.sampled_from(["cumulative", "delta"]), min_size=1, max_size=2),
    st.just(()),
    st.lists(records(GOOD_AMOUNTS, ADDING), max_size=40),
)


class Run:
    """A program on one provider: every collection that it makes is kept."""

    def __init__(self, program: Program, provider: type[PlainMeterProvider], *others: MetricReader) -> None:
        self.readers = [READERS[kind]() for kind in program.readers]
        self.collected: list[Any] = []
        self.provider = provider(
            [*self.readers, *others], RESOURCE, shutdown_on_exit=False, views=[VIEWS[name]() for name in program.views]
        )
        self._instruments = [create(self.provider, each) for each in INSTRUMENTS]

    def run(self, steps: Sequence[Step]) -> None:
        """Take the steps one after another, then let every reader collect."""
        for step in steps:
            if isinstance(step, Record):
                self.take(step)
            elif isinstance(step, AddReader):
                self.readers.append(READERS[step.kind]())
                self.provider.add_metric_reader(self.readers[-1])
            elif self.readers:
                self._collect(self.readers[step.reader % len(self.readers)])
        self.finish()

    def run_in_threads(self, steps: Sequence[Step], threads: int) -> None:
        """Take the steps in several threads at once, each step four times."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.take, [step for step in steps if isinstance(step, Record)] * 4))
        self.finish()

    def take(self, step: Record) -> None:
        """Record one amount."""
        getattr(self._instruments[step.instrument], INSTRUMENTS[step.instrument].record)(step.amount, step.attributes)

    def finish(self) -> None:
        """Let every reader collect, and shut the provider down."""
        for reader in self.readers:
            self._collect(reader)
        self.provider.shutdown()

    def _collect(self, reader: Any) -> None:
        self.collected.append(normal(reader.get_metrics_data()))


def create(provider: PlainMeterProvider, instrument: Instrument) -> Any:
    """Create an instrument of the list."""
    meter = provider.get_meter(instrument.scope, "1.0")
    return getattr(meter, instrument.create)(instrument.name, instrument.unit, instrument.description)


def both(program: Program) -> tuple[Run, Run]:
    """Prepare a program on our provider and on the SDK's."""
    return Run(program, MeterProvider), Run(program, PlainMeterProvider)


def normal(data: Any) -> Any:
    """Return collected data in a form that does not depend on times and on the order of metrics and points."""
    if data is None:
        return None
    [resource_metrics] = data.resource_metrics
    assert resource_metrics.resource.attributes == RESOURCE.attributes
    found: dict[str, Any] = {}
    for scope_metrics in resource_metrics.scope_metrics:
        key = f"{scope_metrics.scope!r} {scope_metrics.schema_url!r}"
        assert key not in found, "a scope comes twice"
        found[key] = sorted(map(_normal_metric, scope_metrics.metrics), key=repr)
    return found


def _normal_metric(metric: Any) -> Any:
    data = metric.data
    return (
        *(metric.name, metric.description, metric.unit, type(data).__name__),
        getattr(data, "aggregation_temporality", None),
        getattr(data, "is_monotonic", None),
        sorted(map(_normal_point, data.data_points), key=repr),
    )


def _normal_point(point: Any) -> Any:
    times = ("start_time_unix_nano", "time_unix_nano", "attributes", "exemplars")
    values = {name: value for name, value in vars(point).items() if name not in times}
    assert (point.start_time_unix_nano or 0) <= point.time_unix_nano
    return _typed(dict(point.attributes)), sorted(values.items()), len(point.exemplars)


def _typed(value: Any) -> Any:
    """Return a value with its type, so that True, 1 and 1.0 differ."""
    if isinstance(value, dict):
        return sorted((name, _typed(each)) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return [_typed(each) for each in value]
    return type(value).__name__, repr(value)
