"""The recorders, joined."""

from __future__ import annotations

import time

from phoenix_otel._guard import Guard
from phoenix_otel.recorders.database import DatabaseRecorder
from phoenix_otel.recorders.event_loop import LoopMonitor
from phoenix_otel.recorders.http_client import HttpClientRecorder
from phoenix_otel.recorders.instruments import Activity, Binding, Instruments
from phoenix_otel.recorders.proxy import ProxyRecorder
from phoenix_otel.recorders.proxy_feed import ProxyFeed
from phoenix_otel.recorders.rate_limit import RateLimitRecorder
from phoenix_otel.recorders.scraper import ScraperRecorder
from phoenix_otel.recorders.system import SystemRecorder
from phoenix_otel.recorders.telemetry import TelemetryRecorder


class MetricsCollector:
    """`.scraper .proxy .database .rate_limit .system .http_client .telemetry`; records nothing until it is bound.

    It may be held from the first import on: what is bound later records through the same objects.
    """

    def __init__(self, guard: Guard | None = None) -> None:
        self.guard = guard or Guard()
        self.activity = Activity()
        self.loop = LoopMonitor()
        self._bound = False
        self._instruments = Instruments(self.guard, self.activity)
        self.scraper = ScraperRecorder(self._instruments)
        self.proxy = ProxyRecorder(self._instruments)
        self.database = DatabaseRecorder(self._instruments)
        self.rate_limit = RateLimitRecorder(self._instruments)
        self.system = SystemRecorder(self._instruments)
        self.http_client = HttpClientRecorder(self._instruments)
        self.telemetry = TelemetryRecorder(self._instruments, self.guard)
        self.proxy_feed = ProxyFeed()

    def bind(self, binding: Binding) -> None:
        """Record on this binding's meter from now on, starting at zero."""
        self.activity.bound_at, self.activity.last_record = time.monotonic(), None
        self._instruments.bind(binding)
        self._bound = True

    def unbind(self) -> None:
        """Record nothing from now on."""
        self._bound = False
        self.loop.stop()
        self._instruments.unbind()
        self.guard.reset()

    def start_over(self) -> None:
        """Forget what a parent process has counted and which loop it ran; for a child right after a fork."""
        self.guard.errors = self.guard.refusals = 0
        self.loop = LoopMonitor()

    def watch_loop(self) -> None:
        """Watch the event loop that runs here, for /health."""
        if self._bound:
            self.loop.watch()
