"""OpenTelemetry metrics for web scrapers."""

from __future__ import annotations

from phoenix_otel._version import __version__
from phoenix_otel.config import ConfigError, MetricsConfig, TelemetryConfig
from phoenix_otel.recorders import MetricsCollector
from phoenix_otel.telemetry import Telemetry, configure_telemetry, get_metrics_collector, start_metrics_server

__all__ = [
    "ConfigError",
    "MetricsCollector",
    "MetricsConfig",
    "Telemetry",
    "TelemetryConfig",
    "__version__",
    "configure_telemetry",
    "get_metrics_collector",
    "start_metrics_server",
]
