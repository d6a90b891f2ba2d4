"""Random programs come out the same as on the plain SDK: as MetricsData, and as text for Prometheus."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider

from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
from phoenix_otel.sdk import MeterProvider
from tests.http import families
from tests.sdk.programs import ALL, AMOUNTS, CONCURRENT, SEQUENTIAL, VIEWS, Program, Record, Run, both, records

# every example has providers of its own; what the autouse fixture resets is of no account here
EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(autouse=True)
def quiet_sdk(caplog: pytest.LogCaptureFixture) -> None:
    """Refused values are a line each in the SDK's log."""
    caplog.set_level(logging.CRITICAL, "opentelemetry")


@settings(EXAMPLES, max_examples=1600)
@given(SEQUENTIAL)
def test_metrics_data_is_that_of_the_sdk(program: Program) -> None:
    ours, plain = both(program)
    for run in (ours, plain):
        run.run(program.steps)

    assert ours.collected == plain.collected


@settings(EXAMPLES, max_examples=200)
@given(CONCURRENT, st.integers(2, 4))
def test_metrics_data_is_that_of_the_sdk_with_threads(program: Program, threads: int) -> None:
    ours, plain = both(program)
    for run in (ours, plain):
        run.run_in_threads(program.steps, threads)

    assert ours.collected == plain.collected


class Endpoint:
    """A program's numbers as /metrics shows them."""

    def __init__(self, views: list[str], provider: type[PlainMeterProvider]) -> None:
        self.reader = PrometheusReader("own", {"env": "test"})
        self.run = Run(Program((), views, ()), provider, self.reader)
        self.run.provider.get_meter("own").create_observable_gauge("open", [self._observe])

    def _observe(self, _: CallbackOptions) -> list[Observation]:
        return [Observation(7, {"kind": "observed"}), Observation(0.25)]

    def text(self, accept: str) -> str:
        """Return the body of an answer."""
        return self.reader.snapshot().exposition(accept)[0].decode("utf-8")


def lines(text: str) -> list[str]:
    """Return the lines in an order that does not depend on which series came first."""
    return sorted(text.splitlines())


@settings(EXAMPLES, max_examples=500)
@given(
    st.lists(st.sampled_from(sorted(VIEWS)), max_size=1),
    st.lists(records(AMOUNTS, ALL), max_size=12),
    st.lists(records(AMOUNTS, ALL), max_size=6),
)
def test_the_text_is_that_of_generate_latest(views: list[str], first: list[Record], then: list[Record]) -> None:
    ours, plain = Endpoint(views, MeterProvider), Endpoint(views, PlainMeterProvider)
    for steps in (first, then):
        for endpoint in (ours, plain):
            for step in steps:
                endpoint.run.take(step)
        for accept in ("", "application/openmetrics-text; version=1.0.0"):
            assert lines(ours.text(accept)) == lines(plain.text(accept))
        assert parsed(ours.text("")) == parsed(plain.text(""))
    for endpoint in (ours, plain):
        endpoint.run.provider.shutdown()


def parsed(text: str) -> dict[str, object]:
    """Return the families by name: type, help, and samples in an order of their own."""
    return {
        name: (family.type, family.documentation, sorted(family.samples, key=repr))
        for name, family in families(text).items()
    }
