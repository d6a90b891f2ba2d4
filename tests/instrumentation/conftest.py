"""Fixtures for instrumentation: a real MongoDB wire server, and pymongo instrumented while a test runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from phoenix_otel.instrumentation.pymongo import PymongoInstrumentor
from phoenix_otel.testing import RecordedMetrics
from tests.stack.mongo import mongo as mongo


@pytest.fixture
def pymongo_recorded(recorded: RecordedMetrics) -> Iterator[RecordedMetrics]:
    """Instrument pymongo for one test; nothing of ours may have gone wrong in it."""
    errors = recorded.collector.guard.errors
    instrumentor = PymongoInstrumentor()
    instrumentor.instrument(collector=recorded.collector)
    yield recorded
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
    assert recorded.collector.guard.errors == errors
