"""Requests that went through a proxy: which one, whether it did its work, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from phoenix_otel.instrumentation.proxy_manager import in_health_check
from phoenix_otel.recorders import MetricsCollector

_GATEWAY_STATUSES: Final = frozenset({502, 503, 504})
_PROXY_AUTHENTICATION_REQUIRED: Final = 407
_FORWARDED: Final = ("Via", "Proxy-Status")
"""A proxy puts these on answers that it passes on."""


def is_proxys_own(status: int, headers: Mapping[str, str], *, tunnelled: bool) -> bool:
    """Tell whether the proxy itself answered that it cannot, rather than the site.

    Inside a tunnel only the site answers. Elsewhere 407 is always the proxy's; 502, 503 and 504 are taken for the
    proxy's unless they carry a mark of having been passed on.
    """
    if tunnelled:
        return False
    if status == _PROXY_AUTHENTICATION_REQUIRED:
        return True
    if status not in _GATEWAY_STATUSES:
        return False
    if "X-Squid-Error" in headers or "error=" in headers.get("Proxy-Status", ""):
        return True
    return not any(name in headers for name in _FORWARDED)


class ProxiedRequest:
    """One request sent through a proxy; made when it is sent, so that it knows whether a health check sent it."""

    __slots__ = ("_collector", "_in_health_check", "proxy_id")

    def __init__(self, collector: MetricsCollector, proxy_id: str) -> None:
        self.proxy_id = proxy_id
        self._collector = collector
        self._in_health_check = in_health_check()

    def ended(self, *, failed: bool, seconds: float) -> None:
        """Record the request, and how long its answer took if it is one; health checks have metrics of their own."""
        if self._in_health_check:
            return
        proxy = self._collector.proxy
        if self._collector.proxy_feed.client_counts():
            proxy.record_proxy_request(self.proxy_id, "failed" if failed else "success")
        if not failed:
            proxy.record_proxy_response_time(self.proxy_id, seconds)
