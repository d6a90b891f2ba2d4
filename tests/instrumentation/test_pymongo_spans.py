"""Spans of MongoDB commands: one each, in the caller's trace, with nothing of a document in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.pymongo import PymongoInstrumentor as OthersInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, NoOpTracerProvider
from pymongo import MongoClient, monitoring
from pymongo.errors import OperationFailure

from phoenix_otel.instrumentation.mongo_spans import CommandSpans, command_spans
from phoenix_otel.instrumentation.pymongo import PymongoInstrumentor
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.mongo_numbers import queries
from tests.stack.mongo import MongoServer

Client = MongoClient[dict[str, Any]]


class Traces:
    """A tracer provider that keeps its spans."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def traces() -> Traces:
    return Traces()


def test_one_span_for_each_command(recorded: RecordedMetrics, mongo: MongoServer, traces: Traces) -> None:
    secret = "planted-value"
    tracer = traces.provider.get_tracer("test")
    instrumentor = PymongoInstrumentor()
    instrumentor.instrument(collector=recorded.collector, tracer_provider=traces.provider)
    try:
        with Client(mongo.uri) as client, tracer.start_as_current_span("scrape"):
            client.app.homes.insert_one({"_id": 1, "note": secret})
            with pytest.raises(OperationFailure):
                list(client.app.homes.find({"$" + secret: 1}))
            instrumentor.uninstrument()
            client.app.homes.find_one({})
    finally:
        instrumentor.uninstrument()

    insert, find, scrape = traces.spans()
    assert [span.name for span in traces.spans()] == ["app.insert", "app.find", "scrape"]
    assert scrape.context is not None
    assert insert.parent is not None
    assert insert.parent.span_id == scrape.context.span_id
    assert insert.attributes is not None
    assert insert.attributes["db.mongodb.collection"] == "homes"
    assert find.status.status_code is trace.StatusCode.ERROR
    assert find.status.description == "BadValue"
    assert secret not in "".join(span.to_json() for span in traces.spans())
    assert queries(recorded) == {("insert", "homes", "success"): 1, ("find", "homes", "failed"): 1}


def test_without_a_tracer_provider_there_are_no_spans(traces: Traces) -> None:
    assert command_spans(None) is None
    assert command_spans(NoOpTracerProvider()) is None
    trace.set_tracer_provider(traces.provider)
    assert isinstance(command_spans(None), CommandSpans)


def test_no_second_span_where_the_other_instrumentation_is_on(
    recorded: RecordedMetrics, mongo: MongoServer, traces: Traces
) -> None:
    others, instrumentor = OthersInstrumentor(), PymongoInstrumentor()
    others.instrument(tracer_provider=traces.provider)
    instrumentor.instrument(collector=recorded.collector, tracer_provider=traces.provider)
    try:
        with Client(mongo.uri) as client:
            client.app.homes.insert_one({"_id": 1})
    finally:
        instrumentor.uninstrument()
        others.uninstrument()

    assert [span.name for span in traces.spans() if span.name == "app.insert"] == ["app.insert"]


@pytest.mark.usefixtures("production")
def test_tracer_that_fails_costs_the_span_alone(
    recorded: RecordedMetrics, mongo: MongoServer, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken(NoOpTracer):
        def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
            raise RuntimeError("broken")

    class BrokenProvider(TracerProvider):
        def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
            return Broken()

    instrumentor = PymongoInstrumentor()
    instrumentor.instrument(collector=recorded.collector, tracer_provider=BrokenProvider(shutdown_on_exit=False))
    try:
        with Client(mongo.uri) as client:
            client.app.homes.insert_one({"_id": 1})
    finally:
        instrumentor.uninstrument()

    assert queries(recorded) == {("insert", "homes", "success"): 1}
    assert "Traceback" not in capfd.readouterr().err


def test_status_of_a_duplicate_key_holds_no_value(traces: Traces) -> None:
    spans = CommandSpans(traces.provider)
    address = ("127.0.0.1", 27017)
    started = monitoring.CommandStartedEvent({"update": "homes"}, "app", 7, address, 7)
    message = 'E11000 duplicate key error dup key: { _id: "planted-value" }'
    spans.started(started)
    spans.failed(_failure({"errmsg": message, "codeName": "DuplicateKey"}, started))

    (span,) = traces.spans()
    assert span.status.description == "DuplicateKey"
    assert "planted-value" not in span.to_json()


def _failure(reply: dict[str, Any], of: monitoring.CommandStartedEvent) -> monitoring.CommandFailedEvent:
    return monitoring.CommandFailedEvent(
        timedelta(milliseconds=1), reply, of.command_name, of.request_id, of.connection_id, of.operation_id
    )
