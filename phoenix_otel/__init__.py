"""OpenTelemetry metrics for web scrapers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

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

if TYPE_CHECKING:
    from phoenix_otel.generate.alert_config import AlertConfig
    from phoenix_otel.generate.alert_rule import AlertRule
    from phoenix_otel.generate.files import export_prometheus_config

__all__ = [
    "AlertConfig",
    "AlertRule",
    "ConfigError",
    "MetricsCollector",
    "MetricsConfig",
    "ProxyMetricsIntegration",
    "ScraperMetricsIntegration",
    "Telemetry",
    "TelemetryConfig",
    "__version__",
    "configure_telemetry",
    "export_prometheus_config",
    "get_metrics_collector",
    "metrics_decorator",
    "metrics_integrated_proxy_manager",
    "metrics_integrated_rate_limiter",
    "metrics_integrated_scraper",
    "start_metrics_server",
]

_GENERATE: Final = {
    "AlertConfig": "phoenix_otel.generate.alert_config",
    "AlertRule": "phoenix_otel.generate.alert_rule",
    "export_prometheus_config": "phoenix_otel.generate.files",
}

if not TYPE_CHECKING:  # it would let a type checker accept any name

    def __getattr__(name: str) -> Any:
        """Import what makes configuration when it is asked for: a scraper never does."""
        if name in _GENERATE:
            return getattr(import_module(_GENERATE[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
