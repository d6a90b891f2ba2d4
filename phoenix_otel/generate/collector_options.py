"""What can be set of the OpenTelemetry Collector, as agent and as gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phoenix_otel.generate.section import Section
from phoenix_otel.options import duration, integer, option, text

_ADDRESS: Final = text(r"\[?[\w.:-]+\]?:\d+", "address:port")


@dataclass(frozen=True, kw_only=True)
class CollectorOptions(Section):
    """Addresses are those inside its container: docker-compose.yml publishes them on 127.0.0.1 alone."""

    grpc: str = option("0.0.0.0:4317", _ADDRESS, description="Where OTLP over gRPC is taken in.")
    http: str = option("0.0.0.0:4318", _ADDRESS, description="Where OTLP over HTTP is taken in.")
    prometheus: str = option("0.0.0.0:8889", _ADDRESS, description="Where the agent is scraped.")
    health: str = option("0.0.0.0:13133", _ADDRESS, description="Where it says that it is alive.")
    telemetry: str = option("0.0.0.0:8888", _ADDRESS, description="Where its own metrics are.")
    memory_limit_mib: int = option(256, integer(32, 1_048_576), description="Beyond this it refuses data.")
    expiration: float = option(
        "1m", duration(0.1), description="When a scraper that pushes no more is gone; at least 4 pushes."
    )
    gateway: str = option(
        "",
        text(r"|[^\s/@]+:\d+", "host:port of its OTLP gRPC receiver"),
        description="Agent only: a gateway to pass on to.",
    )
    remote_write: str = option(
        "http://prometheus:9090/api/v1/write",
        text(r"https?://[^\s@]+", "a URL"),
        description="Where the gateway writes.",
    )
    queue_directory: str = option(
        "/var/lib/otelcol", text(r"/\S+", "an absolute path"), description="Where what cannot be sent yet is kept."
    )
