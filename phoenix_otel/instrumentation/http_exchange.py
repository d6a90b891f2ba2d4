"""One HTTP request as it was sent, whatever client sent it: what is recorded of its answer, its body and its proxy."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from phoenix_otel.instrumentation.default_collector import default_collector
from phoenix_otel.instrumentation.proxied_requests import ProxiedRequest, is_proxys_own
from phoenix_otel.recorders import MetricsCollector

_logger = logging.getLogger("phoenix_otel")


@dataclass(slots=True)
class Recording:
    """One period between instrument() and uninstrument(); what began in it is silent once `active` is off."""

    collector: MetricsCollector
    active: bool = True


def begin_recording(collector: MetricsCollector | None) -> Recording:
    """Record on this collector, by default on the process's; on one that goes nowhere if there is none yet."""
    found = collector or default_collector()
    if found is None:
        _logger.warning("phoenix_otel: telemetry is not loaded in this process; HTTP requests are not recorded")
    return Recording(found or MetricsCollector())


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `proxy_id` is empty without a proxy; `tunnelled` if the proxy cannot see the request."""

    method: str
    host: str
    proxy_id: str = ""
    tunnelled: bool = False


def host_port(host: str, port: int | None) -> str:
    """Return host:port, with the brackets that an IPv6 address needs."""
    written = f"[{host}]" if ":" in host else host
    return f"{written}:{port}" if port else written


class Exchange:
    """Begins when it is made; every further call after the end is ignored.

    A body ends in one of three ways: complete; broken, with an `error_type`; or left unread, which is no failure.
    """

    __slots__ = ("_headers_after", "_proxied", "_recording", "_refused", "_start", "_status", "_target", "over")

    def __init__(self, recording: Recording, target: Target) -> None:
        self.over = False
        self._recording = recording
        self._target = target
        self._proxied = ProxiedRequest(recording.collector, target.proxy_id) if target.proxy_id else None
        self._status = 0
        self._refused = False
        self._headers_after = 0.0
        self._start = time.perf_counter()

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Record the answer's headers."""
        self._headers_after = self._seconds()
        self._status = status
        self._refused = is_proxys_own(status, headers, tunnelled=self._target.tunnelled)
        self._record_request(status, "", self._headers_after)

    def failed(self, error_type: str) -> None:
        """Record that there was no answer."""
        if not self.over:
            seconds = self._seconds()
            self._record_request(None, error_type, seconds)
            self._end(failed=True, seconds=seconds)

    def body_ended(self, size: int, error_type: str = "", *, read_to_end: bool = False) -> None:
        """Record the body, of which `size` bytes arrived."""
        if self.over:
            return
        seconds = self._seconds()
        if self._recording.active:
            recorder, target = self._recording.collector.http_client, self._target
            labels = (target.method, target.host, self._status, error_type)
            recorder.record_body_size(*labels, size, target.proxy_id)
            if read_to_end or error_type:
                recorder.record_body_time(*labels, seconds)
        failed = bool(error_type) or self._refused
        self._end(failed=failed, seconds=seconds if read_to_end else self._headers_after)

    def without_body(self) -> None:
        """End with the headers: a WebSocket has no body and may stay open for days."""
        self._end(failed=self._refused, seconds=self._headers_after)

    def _record_request(self, status: int | None, error_type: str, seconds: float) -> None:
        if self._recording.active:
            target = self._target
            self._recording.collector.http_client.record_request(
                target.method, target.host, status, error_type, seconds
            )

    def _end(self, *, failed: bool, seconds: float) -> None:
        self.over = True
        if self._proxied is not None and self._recording.active:
            self._proxied.ended(failed=failed, seconds=seconds)

    def _seconds(self) -> float:
        return time.perf_counter() - self._start
