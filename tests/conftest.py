"""What every test starts from: no telemetry, no variables of ours, and errors of our own let through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from opentelemetry.test import globals_test

from phoenix_otel.environment_variables import PHOENIX_OTEL_FAST_PATH, PHOENIX_OTEL_RAISE_INTERNAL_ERRORS
from phoenix_otel.testing import RecordedMetrics, recorded_metrics, reset

# a slow machine is no bug: speed belongs to benchmarks
settings.register_profile("phoenix_otel", deadline=None)
settings.load_profile("phoenix_otel")


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Give each test what a process has at its start; the only place that touches OpenTelemetry's globals."""
    for name in [name for name in os.environ if name.startswith(("OTEL_", "PHOENIX_OTEL_"))]:
        if name not in ("PHOENIX_OTEL_REQUIRE_STACK", PHOENIX_OTEL_FAST_PATH):  # how the whole run is meant
            monkeypatch.delenv(name)
    monkeypatch.setenv(PHOENIX_OTEL_RAISE_INTERNAL_ERRORS, "true")
    monkeypatch.chdir(tmp_path)
    globals_test.reset_metrics_globals()
    globals_test.reset_trace_globals()
    yield
    reset()
    globals_test.reset_metrics_globals()
    globals_test.reset_trace_globals()


@pytest.fixture
def recorded() -> Iterator[RecordedMetrics]:
    """Record into memory."""
    with recorded_metrics() as metrics:
        yield metrics


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    """Swallow our own errors, as in production."""
    monkeypatch.delenv(PHOENIX_OTEL_RAISE_INTERNAL_ERRORS)
