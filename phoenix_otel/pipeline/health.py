"""The true state of every part."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from phoenix_otel.pipeline.otlp import OutageAwareExporter
from phoenix_otel.pipeline.watchdog import Watchdog
from phoenix_otel.recorders import LoopMonitor, MetricsCollector, SystemSampler

Component = dict[str, Any]

_LATELY: Final = 60.0
"""Seconds for which a thread that had to be started again is not called well: long enough for a probe to see it."""


class Health:
    """Asks each component how it is; one that is not `ok` turns the whole answer."""

    def __init__(self, components: Mapping[str, Callable[[], Component]]) -> None:
        self._components = components

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Return whether everything is well, and the JSON that says so."""
        components = {name: _asked(ask) for name, ask in self._components.items()}
        healthy = all(component["status"] == "ok" for component in components.values())
        return healthy, {"status": "healthy" if healthy else "unhealthy", "components": components}


def _asked(ask: Callable[[], Component]) -> Component:
    try:
        return ask()
    except Exception as error:
        return {"status": "failing", "error": type(error).__name__}


def _status(ok: bool) -> str:
    return "ok" if ok else "failing"


def event_loop(monitor: LoopMonitor, max_lag: float) -> Component:
    """Tell how late the scraper's event loop is, in seconds; null while none is watched or running."""
    lag = monitor.lag()
    return {"status": _status(lag is None or lag <= max_lag), "lag_seconds": lag}


def records(collector: MetricsCollector, max_age: float) -> Component:
    """Tell how long ago anything was recorded, in seconds; null before the first record."""
    activity = collector.activity
    age = None if activity.last_record is None else time.monotonic() - activity.last_record
    stale = bool(max_age) and time.monotonic() - (activity.last_record or activity.bound_at) > max_age
    return {
        "status": _status(not stale),
        "last_record_age_seconds": age,
        "refused_values": collector.guard.refusals,
        "internal_errors": collector.guard.errors,
    }


def system_sampler(sampler: SystemSampler, watchdog: Watchdog) -> Component:
    """Tell whether the host is still sampled, and how old the sample is, in seconds."""
    well = sampler.alive and sampler.punctual
    return _thread(watchdog, "sampler", ok=well) | {"sample_age_seconds": sampler.age()}


def endpoint(stuck: Callable[[], bool], watchdog: Watchdog) -> Component:
    """Tell whether a collection does not come to an end, and whether the server's thread had to be started again."""
    return _thread(watchdog, "endpoint", ok=not stuck()) | {"collection_stuck": stuck()}


def otlp_push(exporter: OutageAwareExporter, watchdog: Watchdog) -> Component:
    """Tell whether the last push arrived, how many did not, and how long ago one did, in seconds."""
    last = exporter.last_success
    return _thread(watchdog, "push", ok=not exporter.failing) | {
        "failed_pushes": exporter.failures,
        "last_success_age_seconds": None if last is None else time.monotonic() - last,
    }


def _thread(watchdog: Watchdog, name: str, *, ok: bool) -> Component:
    """Tell how a thread is that is looked after: it is well if it never died, or not lately, and if it is watched."""
    since = watchdog.since_restart(name)
    steady = since is None or since > _LATELY
    return {"status": _status(ok and steady and watchdog.alive), "restarts": watchdog.restarts.get(name, 0)}
