"""OpenTelemetry metrics for web scrapers."""

from __future__ import annotations

from phoenix_otel._version import __version__
from phoenix_otel.config import ConfigError, MetricsConfig, TelemetryConfig
from phoenix_otel.integration import (
    ProxyMetricsIntegration,
    ScraperMetricsIntegration,
    metrics_decorator,
    metrics_integrated_proxy_manager,
    metrics_integrated_rate_limiter,
    metrics_integrated_scraper,
)
from phoenix_otel.recorders import MetricsCollector
from phoenix_otel.telemetry import Telemetry, configure_telemetry, get_metrics_collector, start_metrics_server

__all__ = [
    "ConfigError",
    "MetricsCollector",
    "MetricsConfig",
    "ProxyMetricsIntegration",
    "ScraperMetricsIntegration",
    "Telemetry",
    "TelemetryConfig",
    "__version__",
    "configure_telemetry",
    "get_metrics_collector",
    "metrics_decorator",
    "metrics_integrated_proxy_manager",
    "metrics_integrated_rate_limiter",
    "metrics_integrated_scraper",
    "start_metrics_server",
]
