"""Collects and pushes at an interval, in one thread that no error ends and no deadline waits for."""

from __future__ import annotations

import time
from threading import Event, Lock, Thread
from typing import Any

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricReader, MetricsData

from phoenix_otel._guard import Guard
from phoenix_otel.pipeline.deadline import within
from phoenix_otel.pipeline.otlp import CUMULATIVE, OutageAwareExporter
from phoenix_otel.pipeline.spool import Spool

_LAST_PUSH = 0.8
"""The share of a shutdown's time that the last push may take; what is left is for keeping what did not arrive."""


class PushReader(MetricReader):
    """Pushes each `interval` seconds, and once more at shutdown; what did not arrive then goes to the spool.

    A push that lasts longer than `patience` seconds is a failed one, even if it goes on.
    """

    def __init__(
        self, exporter: OutageAwareExporter, interval: float, guard: Guard, *, patience: float, spool: Spool | None
    ) -> None:
        super().__init__(preferred_temporality=dict(CUMULATIVE))  # type: ignore[arg-type]
        self._exporter = exporter
        self._interval = interval
        self._guard = guard
        self._patience = patience
        self._spool = spool
        self._exporting = Lock()
        self._stop = Event()
        self._busy_since: float | None = None
        self._given_up: float | None = None
        self._latest: MetricsData | None = None
        self.arrived = True
        """Whether the last push did, before the first one True."""
        self._ended = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, or start it again after it has died."""
        self._thread = Thread(target=self._run, name="phoenix-otel-push", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Tell whether the thread runs, or has ended as it should."""
        return self._ended or self._stop.is_set() or (self._thread is not None and self._thread.is_alive())

    def notice_delay(self) -> None:
        """Count a push that has lasted too long as failed, once; called from time to time from another thread."""
        began = self._busy_since
        if began is not None and began != self._given_up and time.monotonic() - began > self._patience:
            self._given_up = began
            self._exporter.gave_up()

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Push now; tell whether it arrived."""
        self.collect(timeout_millis)
        return self.arrived

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Push for the last time; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        timeout = timeout_millis / 1000
        deadline = time.monotonic() + _LAST_PUSH * timeout
        self.arrived = False
        self._stop.set()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        self._exporter.shutdown()
        if not self.arrived and self._spool is not None:
            self._keep(self._spool, timeout)

    def abandon(self) -> None:
        """Do nothing any more, at once: for a child, whose parent goes on with all this."""
        self._ended = True
        self._spool = None
        self._set_collect_callback(lambda *_: MetricsData([]))

    def _run(self) -> None:
        with self._guard.section("sending what was kept"):
            self._resend()
        while not self._stop.wait(max(self._interval, self._exporter.hold.remaining)):
            self._push()
        self._push()

    def _push(self) -> None:
        with self._guard.section("pushing metrics"):
            self._busy_since = time.monotonic()
            try:
                self._resend()
                self.collect()
                if self.arrived and self._spool is not None:
                    self._spool.blame()
            finally:
                self._busy_since = None

    def _resend(self) -> None:
        if self._spool is not None:
            self._spool.resend(self._export)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        self._latest = metrics_data
        if not self._exporter.closed:
            self.arrived = self._export(metrics_data)

    def _export(self, data: MetricsData) -> bool:
        with self._exporting, suppress_instrumentation():
            return self._exporter.export(data) is MetricExportResult.SUCCESS

    def _keep(self, spool: Spool, timeout: float) -> None:
        """Collect once more, for the last push may not even have come to that, and keep it."""
        with self._guard.section("keeping the last metrics"):
            within((1 - _LAST_PUSH) * timeout / 2, self.collect)
            if self._latest is not None:
                spool.keep(self._latest)
