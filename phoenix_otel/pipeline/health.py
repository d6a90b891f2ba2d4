"""The true state of every part."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from phoenix_otel.pipeline.otlp import OutageAwareExporter
from phoenix_otel.recorders import LoopMonitor, MetricsCollector, SystemSampler

Component = dict[str, Any]


class Health:
    """Asks each component how it is; one that is not `ok` turns the whole answer."""

    def __init__(self, components: Mapping[str, Callable[[], Component]]) -> None:
        self._components = components

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Return whether everything is well, and the JSON that says so."""
        components = {name: ask() for name, ask in self._components.items()}
        healthy = all(component["status"] == "ok" for component in components.values())
        return healthy, {"status": "healthy" if healthy else "unhealthy", "components": components}


def event_loop(monitor: LoopMonitor, max_lag: float) -> Component:
    """Tell how late the scraper's event loop is, in seconds; null while none is watched or running."""
    lag = monitor.lag()
    return {"status": "failing" if lag is not None and lag > max_lag else "ok", "lag_seconds": lag}


def records(collector: MetricsCollector, max_age: float) -> Component:
    """Tell how long ago anything was recorded, in seconds; null before the first record."""
    activity = collector.activity
    age = None if activity.last_record is None else time.monotonic() - activity.last_record
    stale = bool(max_age) and time.monotonic() - (activity.last_record or activity.bound_at) > max_age
    return {
        "status": "failing" if stale else "ok",
        "last_record_age_seconds": age,
        "refused_values": collector.guard.refusals,
        "internal_errors": collector.guard.errors,
    }


def system_sampler(sampler: SystemSampler) -> Component:
    """Tell whether the host is still sampled, and how old the sample is, in seconds."""
    return {"status": "ok" if sampler.alive else "failing", "sample_age_seconds": sampler.age()}


def otlp_push(exporter: OutageAwareExporter) -> Component:
    """Tell whether the last push arrived, how many did not, and how long ago one did, in seconds."""
    last = exporter.last_success
    return {
        "status": "failing" if exporter.failing else "ok",
        "failed_pushes": exporter.failures,
        "last_success_age_seconds": None if last is None else time.monotonic() - last,
    }
