"""What import and configuration cost, each in a process of its own that has nothing loaded but this."""

from __future__ import annotations

import resource
import sys
import time

ENDPOINT = """
import socket
host, port = telemetry.url.removeprefix("http://").split(":")
with socket.create_connection((host, int(port))) as connection:
    connection.sendall(b"GET /metrics HTTP/1.0\\r\\n\\r\\n")
    while connection.recv(65536):
        pass
"""
PHOENIX = "import phoenix_otel; telemetry = phoenix_otel.configure_telemetry(port=0)"

STARTS = {
    "phoenix_otel": (PHOENIX, ENDPOINT),
    "phoenix_otel, in a program with aiohttp": (PHOENIX, ENDPOINT),
    "logfire": ("import logfire; logfire.configure(send_to_logfire=False)", ""),
    "OpenTelemetry SDK": (
        "from opentelemetry.sdk.metrics import MeterProvider\n"
        "from opentelemetry.exporter.prometheus import PrometheusMetricReader\n"
        "from prometheus_client import start_http_server\n"
        "start_http_server(0, '127.0.0.1'); MeterProvider([PrometheusMetricReader()])",
        "",
    ),
    "prometheus_client": ("from prometheus_client import start_http_server; start_http_server(0, '127.0.0.1')", ""),
}
"""What is run and timed, and what is run after that until everything is loaded."""


def measure(name: str) -> dict[str, float] | None:
    """Return milliseconds, and MB of resident memory added once all is loaded; None if it is not installed."""
    if name.endswith("with aiohttp"):
        import aiohttp.web  # noqa: F401
    run, then = STARTS[name]
    names: dict[str, object] = {}
    before = _resident()
    start = time.perf_counter()
    try:
        exec(run, names)  # noqa: S102 - from the table above
    except ImportError:
        return None
    took = time.perf_counter() - start
    exec(then, names)  # noqa: S102
    return {"ms": took * 1e3, "mb": (_resident() - before) / 1e6}


def _resident() -> int:
    """Return resident memory by the means that need no import."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
