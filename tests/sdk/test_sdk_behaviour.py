"""What users rely on in the SDK: the same tests for its MeterProvider and ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import metrics as api
from opentelemetry.metrics import CallbackOptions, NoOpMeter, Observation
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.resources import Resource

Provider = type[PlainMeterProvider]


class World:
    """A provider with one reader in memory."""

    def __init__(self, provider_class: Provider, **options: Any) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = provider_class([self.reader], shutdown_on_exit=False, **options)
        self.meter = self.provider.get_meter("tests")

    def metrics(self) -> dict[str, Any]:
        """Collect, and return metrics by name; a name that comes twice is an error."""
        found: dict[str, Any] = {}
        for metric in self.all_metrics():
            assert metric.name not in found
            found[metric.name] = metric
        return found

    def all_metrics(self) -> list[Any]:
        data = self.reader.get_metrics_data()
        resources = data.resource_metrics if data is not None else ()
        return [metric for resource in resources for scope in resource.scope_metrics for metric in scope.metrics]

    def points(self, name: str) -> list[Any]:
        return list(self.metrics()[name].data.data_points)


@pytest.fixture
def world(provider_class: Provider) -> World:
    return World(provider_class)


CREATE: list[tuple[str, Callable[[api.Meter], Callable[..., Any]]]] = [
    ("counter", lambda meter: meter.create_counter),
    ("up_down_counter", lambda meter: meter.create_up_down_counter),
    ("gauge", lambda meter: meter.create_gauge),
    ("histogram", lambda meter: meter.create_histogram),
    ("observable_counter", lambda meter: meter.create_observable_counter),
    ("observable_up_down_counter", lambda meter: meter.create_observable_up_down_counter),
    ("observable_gauge", lambda meter: meter.create_observable_gauge),
]
create_each = pytest.mark.parametrize("create", [how for _, how in CREATE], ids=[name for name, _ in CREATE])
Create = Callable[[api.Meter], Callable[..., Any]]


@create_each
@pytest.mark.parametrize("name", ["", "1st", "_x", "a b", "ünits", "x" * 256])
def test_a_name_that_is_not_allowed_is_refused(world: World, create: Create, name: str) -> None:
    with pytest.raises(Exception, match="Expected ASCII string of maximum length 255 characters"):
        create(world.meter)(name)


@create_each
@pytest.mark.parametrize("name", ["x" * 255, "a.b-c_d/e1", "UPPER"])
def test_a_name_that_is_allowed_is_kept_in_lower_case(world: World, create: Create, name: str) -> None:
    assert create(world.meter)(name).name == name.lower()


@create_each
@pytest.mark.parametrize("unit", ["x" * 64, "µs"])
def test_a_unit_that_is_not_allowed_is_refused(world: World, create: Create, unit: str) -> None:
    with pytest.raises(Exception, match="Expected ASCII string of maximum length 63 characters"):
        create(world.meter)("a", unit=unit)


def test_units_and_descriptions_arrive(world: World) -> None:
    world.meter.create_counter("sent", "By", "Bytes sent").add(1)
    world.meter.create_histogram("open", "{door}").record(1)

    found = world.metrics()
    assert (found["sent"].unit, found["sent"].description) == ("By", "Bytes sent")
    assert (found["open"].unit, found["open"].description) == ("{door}", "")


def test_instruments_are_instances_of_the_sdks_classes(world: World) -> None:
    assert isinstance(world.meter.create_counter("a"), sdk.Counter)
    assert isinstance(world.meter.create_up_down_counter("b"), sdk.UpDownCounter)
    assert isinstance(world.meter.create_histogram("c"), sdk.Histogram)
    assert isinstance(world.meter.create_gauge("d"), sdk._Gauge)
    assert isinstance(world.meter.create_observable_gauge("e"), sdk.ObservableGauge)
    assert isinstance(world.meter, sdk.Meter)


@create_each
def test_the_same_instrument_twice_is_the_same_object(world: World, create: Create) -> None:
    first = create(world.meter)("Twice", unit="s", description="d")

    assert create(world.meter)("twice", unit="s", description="d") is first
    assert create(world.meter)("twice", unit="s", description="other") is not first
    assert create(world.meter)("twice", unit="By", description="d") is not first


def test_the_same_scope_twice_is_one_scope(world: World) -> None:
    one = world.provider.get_meter("scope", "1", "https://schema", {"a": 1})
    same = world.provider.get_meter("scope", "1", "https://schema", {"a": 1})

    assert one is same
    assert world.provider.get_meter("scope", "2", "https://schema", {"a": 1}) is not one
    assert world.provider.get_meter("scope", "1", "https://schema", {"a": 2}) is not one


def test_instruments_of_one_name_and_different_units_are_two_metrics(world: World) -> None:
    world.meter.create_counter("twice", "s").add(1)
    world.meter.create_counter("twice", "By").add(2)

    assert sorted((metric.unit, metric.data.data_points[0].value) for metric in world.all_metrics()) == [
        ("By", 2),
        ("s", 1),
    ]


def test_different_buckets_for_one_histogram_are_a_warning(world: World, caplog: pytest.LogCaptureFixture) -> None:
    first = world.meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=[1, 2])
    second = world.meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=[5])
    second.record(1.5)

    assert first is second
    assert "different advisory value" in caplog.text
    assert world.points("sizes")[0].explicit_bounds == (1, 2)


def test_advisory_buckets_are_used(world: World) -> None:
    histogram = world.meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=[1, 2.5, 10])
    for value in (0, 1, 1.5, 2.5, 3, 11):
        histogram.record(value)

    [point] = world.points("sizes")
    assert point.explicit_bounds == (1, 2.5, 10)
    assert point.bucket_counts == (2, 2, 1, 1)
    assert (point.count, point.sum, point.min, point.max) == (6, 19, 0, 11)


def test_without_an_advice_the_default_buckets_are_used(world: World) -> None:
    world.meter.create_histogram("sizes").record(1)

    assert world.points("sizes")[0].explicit_bounds == (
        *(0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0),
        *(750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0),
    )


def test_no_buckets_at_all_is_a_count_and_a_sum(world: World) -> None:
    world.meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=[]).record(3)

    assert world.points("sizes")[0].bucket_counts == (1,)


@pytest.mark.parametrize("advice", [[2, 1], [1, 1], [1, float("nan")]])
def test_buckets_that_do_not_ascend_are_refused_at_the_first_record(world: World, advice: list[float]) -> None:
    histogram = world.meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=advice)
    with pytest.raises(ValueError, match="boundar"):
        histogram.record(1)


def test_an_advice_that_is_no_sequence_of_numbers_is_ignored(world: World, caplog: pytest.LogCaptureFixture) -> None:
    wrong: Any = ["1"]
    world.meter.create_histogram("sizes", explicit_bucket_boundaries_advisory=wrong).record(1)

    assert "must be a sequence of numbers" in caplog.text
    assert len(world.points("sizes")[0].explicit_bounds) == 15


@pytest.mark.parametrize("amount", [-1, -0.001, float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("seen", [False, True], ids=["new", "seen"])
def test_amounts_that_cannot_be_are_dropped_with_a_warning(
    world: World, caplog: pytest.LogCaptureFixture, amount: float, seen: bool
) -> None:
    counter, histogram = world.meter.create_counter("c"), world.meter.create_histogram("h")
    records: list[Callable[[Any, Any], None]] = [counter.add, histogram.record]
    for record in records:
        if seen:
            record(1, {"a": "b"})
        record(amount, {"a": "b"})

    assert len([each for each in caplog.records if each.levelname == "WARNING"]) == 2
    found = world.metrics()
    assert sorted(found) == (["c", "h"] if seen else [])
    if seen:
        assert found["c"].data.data_points[0].value == 1
        assert found["h"].data.data_points[0].count == 1


@pytest.mark.parametrize("amount", [-3, -0.5])
def test_up_down_counters_and_gauges_take_what_is_negative(world: World, amount: float) -> None:
    world.meter.create_up_down_counter("u").add(amount)
    world.meter.create_gauge("g").set(amount)

    assert {name: metric.data.data_points[0].value for name, metric in world.metrics().items()} == {
        "u": amount,
        "g": amount,
    }


@pytest.mark.parametrize("seen", [False, True], ids=["new", "seen"])
@pytest.mark.parametrize("amount", ["1", None, [1]])
def test_what_is_no_number_raises(world: World, amount: Any, seen: bool) -> None:
    counter, histogram, gauge = (
        world.meter.create_counter("c"),
        world.meter.create_histogram("h"),
        world.meter.create_gauge("g"),
    )
    records: list[Callable[[Any], None]] = [counter.add, histogram.record, gauge.set]
    for record in records:
        if seen:
            record(1)
        with pytest.raises(TypeError):
            record(amount)
    assert len(world.metrics()) == (3 if seen else 0)


def test_the_order_of_attributes_does_not_matter(world: World) -> None:
    counter = world.meter.create_counter("c")
    counter.add(1, {"a": "x", "b": "y"})
    counter.add(2, {"b": "y", "a": "x"})
    counter.add(4, {"b": 1, "a": True})
    counter.add(8, {"a": True, "b": 1})

    assert {repr(sorted(point.attributes.items())): point.value for point in world.points("c")} == {
        "[('a', 'x'), ('b', 'y')]": 3,
        "[('a', True), ('b', 1)]": 12,
    }


def test_true_one_and_one_point_zero_differ(world: World) -> None:
    counter = world.meter.create_counter("c")
    for _ in range(3):
        for value in (True, 1, 1.0, "1", None, [1], [True]):
            counter.add(1, {"a": value})

    assert [point.value for point in world.points("c")] == [3] * 7


def test_a_changed_dictionary_does_not_change_what_was_recorded(world: World) -> None:
    counter = world.meter.create_counter("c")
    attributes = {"a": "x"}
    counter.add(1, attributes)
    attributes["a"] = "y"
    counter.add(1, attributes)

    assert [dict(point.attributes) for point in world.points("c")] == [{"a": "x"}, {"a": "y"}]


def test_collected_data_does_not_change_any_more(world: World) -> None:
    histogram = world.meter.create_histogram("h")
    histogram.record(1, {"a": "x"})
    [before] = world.points("h")
    histogram.record(1, {"a": "x"})
    [after] = world.points("h")

    assert (before.count, after.count) == (1, 2)


def test_a_default_dictionary_is_not_touched(world: World) -> None:
    from collections import defaultdict

    counter = world.meter.create_counter("c")
    counter.add(1, {"a": "x"})
    given: defaultdict[str, Any] = defaultdict(str, {"b": "x"})
    counter.add(1, given)

    assert given == {"b": "x"}


def test_an_instrument_with_a_view_is_what_the_view_says(provider_class: Provider) -> None:
    views = [
        View(instrument_name="requests", name="renamed", attribute_keys={"a"}),
        View(instrument_name="*.secret", aggregation=DropAggregation()),
    ]
    world = World(provider_class, views=views)
    world.meter.create_counter("requests").add(1, {"a": "x", "b": "y"})
    world.meter.create_counter("top.secret").add(1)
    world.meter.create_counter("other").add(1)

    found = world.metrics()
    assert sorted(found) == ["other", "renamed"]
    assert dict(found["renamed"].data.data_points[0].attributes) == {"a": "x"}


def test_observables_and_others_of_one_scope_come_together(world: World) -> None:
    def observe(_: CallbackOptions) -> list[Observation]:
        return [Observation(5, {"a": "x"})]

    world.meter.create_observable_gauge("observed", [observe])
    world.meter.create_counter("counted").add(1)

    data = world.reader.get_metrics_data()
    assert data is not None
    [scope_metrics] = data.resource_metrics[0].scope_metrics
    assert sorted(metric.name for metric in scope_metrics.metrics) == ["counted", "observed"]


def test_what_a_callback_records_is_in_the_same_collection(world: World) -> None:
    counter = world.meter.create_counter("calls")

    def observe(_: CallbackOptions) -> list[Observation]:
        counter.add(1)
        return [Observation(1)]

    world.meter.create_observable_gauge("observed", [observe])
    assert sorted(world.metrics()) == ["calls", "observed"]


def test_nothing_recorded_is_no_data(world: World) -> None:
    world.meter.create_counter("c")

    assert world.reader.get_metrics_data() is None


def test_the_resource_is_the_providers(provider_class: Provider) -> None:
    world = World(provider_class, resource=Resource({"service.name": "tests"}))
    world.meter.create_counter("c").add(1)

    data = world.reader.get_metrics_data()
    assert data is not None
    assert data.resource_metrics[0].resource.attributes == {"service.name": "tests"}


def test_start_and_end_of_totals(world: World) -> None:
    counter = world.meter.create_counter("c")
    counter.add(1)
    [first] = world.points("c")
    [second] = world.points("c")

    assert first.start_time_unix_nano == second.start_time_unix_nano <= first.time_unix_nano <= second.time_unix_nano


def test_deltas_follow_each_other_without_a_gap(provider_class: Provider) -> None:
    reader = InMemoryMetricReader({sdk.Counter: AggregationTemporality.DELTA})
    provider = provider_class([reader], shutdown_on_exit=False)
    counter = provider.get_meter("tests").create_counter("c")
    points: list[Any] = []
    for amount in (1, 2):
        counter.add(amount)
        data: Any = reader.get_metrics_data()
        points += data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert reader.get_metrics_data() is None

    assert [point.value for point in points] == [1, 2]
    assert points[1].start_time_unix_nano == points[0].time_unix_nano


class Receiver(MetricExporter):
    """Keeps what is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []
        self.closed = False

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        data: Any = metrics_data.resource_metrics[0].scope_metrics[0].metrics[0].data
        self.values.append(data.data_points[0].value)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        self.closed = True


def test_flush_and_shutdown_export_what_there_is(provider_class: Provider) -> None:
    receiver = Receiver()
    reader = PeriodicExportingMetricReader(receiver, export_interval_millis=3_600_000)
    provider = provider_class([reader], shutdown_on_exit=False)
    counter = provider.get_meter("tests").create_counter("c")
    counter.add(1)
    assert provider.force_flush()
    counter.add(2)
    provider.shutdown()

    assert receiver.values == [1, 3]
    assert receiver.closed


def test_after_a_shutdown_meters_do_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    counter = world.meter.create_counter("c")
    world.provider.shutdown()
    counter.add(1)
    world.provider.shutdown()

    assert isinstance(world.provider.get_meter("later"), NoOpMeter)
    assert "shutdown can only be called once" in caplog.text


def test_a_meter_without_a_name_does_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert isinstance(world.provider.get_meter(""), NoOpMeter)
    assert "Meter name cannot be None or empty" in caplog.text


def test_a_disabled_sdk_does_nothing(provider_class: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    world = World(provider_class)
    world.meter.create_counter("c").add(1)

    assert isinstance(world.meter, NoOpMeter)
    assert world.reader.get_metrics_data() is None


def test_a_reader_belongs_to_one_provider(provider_class: Provider, world: World) -> None:
    with pytest.raises(Exception, match="registered already"):
        provider_class([world.reader])


def test_a_reader_that_comes_later_sees_what_comes_later(world: World) -> None:
    counter = world.meter.create_counter("c")
    counter.add(5)
    late = InMemoryMetricReader()
    world.provider.add_metric_reader(late)
    assert late.get_metrics_data() is None
    counter.add(1)

    data: Any = late.get_metrics_data()
    assert data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0].value == 1
    assert world.points("c")[0].value == 6


def test_a_reader_that_was_removed_sees_nothing_more(world: World, caplog: pytest.LogCaptureFixture) -> None:
    counter = world.meter.create_counter("c")
    counter.add(1)
    late = InMemoryMetricReader({sdk.Counter: AggregationTemporality.DELTA})
    world.provider.add_metric_reader(late)
    counter.add(1)
    world.provider.remove_metric_reader(late)
    counter.add(1)

    assert late.get_metrics_data() is None
    assert world.points("c")[0].value == 3
    world.provider.remove_metric_reader(late)
    assert "has not been registered" in caplog.text
