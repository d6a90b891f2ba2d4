"""The text formats, where random programs do not lead."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
from phoenix_otel.sdk import MeterProvider
from tests.http import families

Provider = type[PlainMeterProvider]
RESOURCE = Resource({"service.name": "tests"})


class Endpoint:
    """A reader on a provider, as /metrics has it."""

    def __init__(self, provider_class: Provider) -> None:
        self.reader = PrometheusReader("own", {})
        self.provider = provider_class([self.reader], RESOURCE, shutdown_on_exit=False)
        self.meter = self.provider.get_meter("own")

    def answer(self, accept: str = "") -> tuple[str, str]:
        body, content_type = self.reader.snapshot().exposition(accept)
        return body.decode("utf-8"), content_type


def same(record: Callable[[Meter], object]) -> str:
    """Record on both providers, and return what both answer with."""
    answers = []
    for provider_class in (MeterProvider, PlainMeterProvider):
        endpoint = Endpoint(provider_class)
        record(endpoint.meter)
        answers.append(endpoint.answer()[0])
    assert answers[0] == answers[1]
    return answers[0]


def test_a_negative_bound_leaves_count_and_sum_out() -> None:
    text = same(lambda meter: meter.create_histogram("h", explicit_bucket_boundaries_advisory=[-1.5, 2]).record(1))

    assert 'h_bucket{le="-1.5"} 0.0\nh_bucket{le="2"} 1.0\nh_bucket{le="+Inf"} 1.0\n' in text
    assert "h_count" not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (999_999, "999999.0"),
        (1_000_000, "1e+06"),
        (123_456_789, "1.23456789e+08"),
        (-1_000_000, "-1000000.0"),
        (1e16, "1e+16"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-7, "1e-07"),
        (-0.0, "-0.0"),
        (2**62, "4.611686018427388e+18"),
        (True, "1.0"),
    ],
)
def test_numbers_are_written_as_prometheus_client_writes_them(value: float, shown: str) -> None:
    assert f"g {shown}\n" in same(lambda meter: meter.create_gauge("g").set(value))


def test_sums_beyond_every_number_are_infinite() -> None:
    def record(meter: Meter) -> None:
        counter = meter.create_counter("c")
        counter.add(1.7e308)
        counter.add(1.7e308)
        histogram = meter.create_histogram("h")
        histogram.record(1.7e308)
        histogram.record(1.7e308)

    text = same(record)
    assert "c_total +Inf\n" in text
    assert "h_sum +Inf\n" in text


def test_labels_that_come_later_are_on_every_series() -> None:
    endpoint = Endpoint(MeterProvider)
    counter = endpoint.meter.create_counter("c")
    counter.add(1, {"b": "x"})
    assert 'c_total{b="x"} 1.0\n' in endpoint.answer()[0]
    counter.add(1, {"a": "y", "z": "1"})

    assert 'c_total{a="",b="x",z=""} 1.0\nc_total{a="y",b="",z="1"} 1.0\n' in endpoint.answer()[0]


def test_one_family_from_several_instruments() -> None:
    """Names that are one to Prometheus, one with a unit, make one family with all labels."""

    def record(meter: Meter) -> None:
        meter.create_counter("jobs.done").add(1, {"a": "x"})
        meter.create_counter("jobs_done_total", description="Jobs").add(2, {"b": "y"})
        meter.create_up_down_counter("jobs.open", "By").add(3)
        meter.create_gauge("jobs_open_bytes").set(4, {"c": "z"})

    text = same(record)
    assert text.count("# TYPE jobs_done_total counter\n") == 1
    assert "# HELP jobs_done_total Jobs\n" in text
    assert 'jobs_done_total{a="x",b=""} 1.0\njobs_done_total{a="",b="y"} 2.0\n' in text
    assert 'jobs_open_bytes{c=""} 3.0\njobs_open_bytes{c="z"} 4.0\n' in text


class Kind(StrEnum):
    HTML = "html"


@pytest.mark.parametrize("values", [(Kind.HTML, "html"), ("html", Kind.HTML)])
def test_a_member_of_a_text_enumeration_is_its_value(values: tuple[str, str]) -> None:
    endpoint = Endpoint(MeterProvider)
    counter = endpoint.meter.create_counter("c")
    for value in values * 2:
        counter.add(1, {"kind": value})

    assert 'c_total{kind="html"} 4.0\n' in endpoint.answer()[0]


def test_what_utf8_cannot_carry_is_escaped_and_stays_apart() -> None:
    endpoint = Endpoint(MeterProvider)
    endpoint.meter.create_counter("c").add(1, {"a": "\ud800"})
    endpoint.meter.create_counter("c").add(2, {"a": "\udc80"})

    shown = {sample.labels["a"]: sample.value for sample in families(endpoint.answer()[0])["c"].samples}
    assert shown == {r"\ud800": 1, r"\udc80": 2}


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/plain",
        "text/plain; version=0.0.4",
        "text/plain; version=1.0.0; escaping=allow-utf-8",
        "application/openmetrics-text",
        "application/openmetrics-text; version=0.0.1",
        "application/openmetrics-text; version=1.0.0",
        "application/openmetrics-text; version=1.0.0; escaping=underscores, text/plain;q=0.5",
        "application/openmetrics-text; version=1.0.0; escaping=values",
        "application/openmetrics-text; version=1.0.0; escaping=dots",
        "application/openmetrics-text; version=x",
    ],
)
def test_every_accept_header_is_answered_as_before(accept: str) -> None:
    answers = []
    for provider_class in (MeterProvider, PlainMeterProvider):
        endpoint = Endpoint(provider_class)
        endpoint.meter.create_counter("pages.sent", "By", 'a "quoted"\nhelp').add(1, {"content.type": "html"})
        endpoint.meter.create_histogram("wait", "s").record(0.25, {"status": 200})
        answers.append(endpoint.answer(accept))

    assert answers[0] == answers[1]


def test_nothing_recorded_and_nothing_after_a_shutdown() -> None:
    endpoint = Endpoint(MeterProvider)
    assert endpoint.answer()[0] == ""
    assert endpoint.answer("application/openmetrics-text")[0] == "# EOF\n"
    endpoint.meter.create_counter("c").add(1)
    assert "c_total 1.0\n" in endpoint.answer()[0]
    endpoint.provider.shutdown()

    assert endpoint.answer()[0] == ""


def test_a_reader_that_is_added_later_shows_what_came_later() -> None:
    provider = MeterProvider(shutdown_on_exit=False)
    counter = provider.get_meter("own").create_counter("c")
    first, late = PrometheusReader("own", {}), PrometheusReader("own", {})
    provider.add_metric_reader(first)
    counter.add(1)
    provider.add_metric_reader(late)
    counter.add(1)

    assert b"c_total 2.0\n" in first.text(openmetrics=False)
    assert b"c_total 1.0\n" in late.text(openmetrics=False)


def test_the_sdks_own_prometheus_reader_shows_the_same_on_both_providers() -> None:
    texts = []
    for provider_class in (MeterProvider, PlainMeterProvider):
        registry = CollectorRegistry()
        provider = provider_class([PrometheusMetricReader(registry=registry)], RESOURCE, shutdown_on_exit=False)
        for scope in ("one", "two"):
            meter = provider.get_meter(scope, "1.0")
            meter.create_counter(f"{scope}.sent", "By").add(2, {"kind": "html"})
            meter.create_histogram(f"{scope}.wait", "s").record(0.25, {"status": 200})
            meter.create_up_down_counter(f"{scope}.open").add(-3)
        texts.append(generate_latest(registry))

    assert texts[0] == texts[1]
    assert b'one_sent_bytes_total{kind="html",otel_scope_name="one"' in texts[0]


def test_two_endpoints_on_one_provider_do_not_mix_their_labels() -> None:
    readers: list[Any] = [PrometheusReader("own", {"env": "a"}), PrometheusReader("other", {})]
    counter = MeterProvider(readers, shutdown_on_exit=False).get_meter("own").create_counter("c")
    for total in (1, 2):
        counter.add(1)
        assert f'c_total{{env="a"}} {total}.0\n'.encode() in readers[0].text(openmetrics=False)
        assert f'c_total{{otel_scope_name="own"}} {total}.0\n'.encode() in readers[1].text(openmetrics=False)
