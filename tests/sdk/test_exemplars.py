"""Exemplars: the measurements of sampled spans, for OTLP and for OpenMetrics."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, AlwaysOnExemplarFilter, Counter, ExemplarFilter
from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
from phoenix_otel.sdk import MeterProvider

Provider = type[PlainMeterProvider]
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def span(number: int, *, sampled: bool = True) -> Any:
    """Return a context manager in which this span is the current one."""
    context = SpanContext(0xABC, number, is_remote=False, trace_flags=SAMPLED if sampled else TraceFlags())
    return trace.use_span(NonRecordingSpan(context))


def exemplars(reader: InMemoryMetricReader) -> dict[str, list[tuple[Any, ...]]]:
    """Collect, and return the exemplars of each metric: value, span id, trace id, further attributes."""
    data: Any = reader.get_metrics_data()
    return {
        metric.name: [
            (exemplar.value, exemplar.span_id, exemplar.trace_id, exemplar.filtered_attributes)
            for point in metric.data.data_points
            for exemplar in point.exemplars
        ]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }


def test_a_histogram_keeps_the_last_one_of_each_bucket_since_the_last_collection(provider_class: Provider) -> None:
    reader = InMemoryMetricReader()
    provider = provider_class([reader], shutdown_on_exit=False)
    histogram = provider.get_meter("own").create_histogram("h", explicit_bucket_boundaries_advisory=[1, 2])
    for number, value in enumerate((0.5, 0.75, 5, 1.5), start=1):
        with span(number):
            histogram.record(value, {"a": "x"})
    histogram.record(0.1, {"a": "x"})
    with span(9, sampled=False):
        histogram.record(0.2, {"a": "x"})

    assert exemplars(reader)["h"] == [(0.75, 2, 0xABC, {}), (1.5, 4, 0xABC, {}), (5, 3, 0xABC, {})]
    assert exemplars(reader)["h"] == []
    with span(7):
        histogram.record(5, {"a": "x"})
    assert exemplars(reader)["h"] == [(5, 7, 0xABC, {})]


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_counters_and_gauges_keep_one(provider_class: Provider, temporality: AggregationTemporality) -> None:
    reader = InMemoryMetricReader({Counter: temporality})
    meter = provider_class([reader], shutdown_on_exit=False).get_meter("own")
    for _ in range(2):  # a series that is new, then one that is known
        with span(1):
            meter.create_counter("c").add(2, {"a": "x"})
            meter.create_gauge("g").set(3)
            meter.create_up_down_counter("u").add(-4, {"a": "x"})
        assert exemplars(reader) == {
            "c": [(2, 1, 0xABC, {})],
            "g": [(3, 1, 0xABC, None)],
            "u": [(-4, 1, 0xABC, {})],
        }


def test_a_context_that_is_given_counts_not_the_current_one(provider_class: Provider) -> None:
    reader = InMemoryMetricReader()
    counter = provider_class([reader], shutdown_on_exit=False).get_meter("own").create_counter("c")
    given = trace.set_span_in_context(NonRecordingSpan(SpanContext(0xDEF, 5, is_remote=False, trace_flags=SAMPLED)))
    for _ in range(2):
        with span(1):
            counter.add(1, {"a": "x"}, given)
        assert exemplars(reader)["c"] == [(1, 5, 0xDEF, {})]


class Large(ExemplarFilter):
    """Keeps amounts from 10 on."""

    def should_sample(self, value: float, time_unix_nano: int, attributes: Any, context: Any) -> bool:
        return value >= 10


@pytest.mark.parametrize(
    ("exemplar_filter", "kept"), [(AlwaysOnExemplarFilter(), 1), (AlwaysOffExemplarFilter(), None), (Large(), 10)]
)
def test_the_providers_filter_decides(provider_class: Provider, exemplar_filter: ExemplarFilter, kept: int) -> None:
    reader = InMemoryMetricReader()
    counter = provider_class([reader], exemplar_filter=exemplar_filter, shutdown_on_exit=False).get_meter("own")
    adding = counter.create_counter("c")
    for amount in (1, 10) if kept == 10 else (1,):
        adding.add(amount)
    found = [(value, span_id) for value, span_id, *_ in exemplars(reader)["c"]]

    assert found == ([] if kept is None else [(kept, None)])


def test_each_reader_gets_them_once() -> None:
    one, other = InMemoryMetricReader(), InMemoryMetricReader()
    counter = MeterProvider([one, other], shutdown_on_exit=False).get_meter("own").create_counter("c")
    with span(1):
        counter.add(1)

    assert [exemplars(reader)["c"] for reader in (one, one, other, other)] == [[(1, 1, 0xABC, None)], []] * 2


def test_attributes_that_overflow_are_kept_with_the_exemplar() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False, cardinality_limit=2)
    counter = provider.get_meter("own").create_counter("c")
    counter.add(1, {"a": "first"})
    with span(1):
        counter.add(1, {"a": "second"})

    assert exemplars(reader)["c"] == [(1, 1, 0xABC, {"a": "second"})]


def test_openmetrics_shows_them_and_the_plain_format_does_not() -> None:
    reader = PrometheusReader("own", {})
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("own")
    histogram = meter.create_histogram("h", explicit_bucket_boundaries_advisory=[1, 2])
    counter, gauge = meter.create_counter("c"), meter.create_gauge("g")
    for _ in range(2):
        with span(0x12):
            counter.add(3, {"a": "x"})
            histogram.record(1.5, {"a": "x"})
            gauge.set(1)
    text = reader.text(openmetrics=True).decode()
    found = {
        (sample.name, sample.labels.get("le")): sample.exemplar
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.exemplar
    }

    ids = {"span_id": "0000000000000012", "trace_id": "00000000000000000000000000000abc"}
    assert {key: (exemplar.labels, exemplar.value) for key, exemplar in found.items()} == {
        ("c_total", None): (ids, 3.0),
        ("h_bucket", "2"): (ids, 1.5),
    }
    assert all(float(exemplar.timestamp) > 1.7e9 for exemplar in found.values())
    assert "trace_id" not in reader.text(openmetrics=False).decode()
    assert reader.text(openmetrics=True).decode() == text, "a scrape does not take them away"
