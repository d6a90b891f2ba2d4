"""OTLP push: cumulative, with a short time limit; an outage is one line in the log at its start and one at its end."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult, MetricsData

from phoenix_otel import environment_variables as env
from phoenix_otel.config import ConfigError, TelemetryConfig
from phoenix_otel.pipeline import otlp_http

_logger = logging.getLogger("phoenix_otel")

CUMULATIVE: Final = dict.fromkeys(
    (Counter, Histogram, ObservableCounter, ObservableGauge, ObservableUpDownCounter, UpDownCounter),
    AggregationTemporality.CUMULATIVE,
)
"""Totals survive an outage of the receiver: the next push that arrives says it all."""

_PROTOCOLS: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.metric_exporter",
}
_METRICS_PATH: Final = "/v1/metrics"
_CHATTY_LOGGERS: Final = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    *_PROTOCOLS.values(),
)
"""They log several lines for every failed push; during ours OutageAwareExporter says it once."""

_pushing: ContextVar[bool] = ContextVar("phoenix_otel_pushing", default=False)


class OutageAwareExporter(MetricExporter):
    """Passes on to an exporter, remembers how it goes, and says when an outage begins and ends."""

    def __init__(self, exporter: MetricExporter, receiver: str, hold: otlp_http.Hold | None = None) -> None:
        super().__init__(preferred_temporality=dict(CUMULATIVE))  # type: ignore[arg-type]
        self._exporter = exporter
        self._receiver = receiver
        self.failures = 0
        self.failing = False
        self.closed = False
        self.last_success: float | None = None
        self.last_success_at: float | None = None
        self.hold = hold or otlp_http.Hold()

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Export; what the exporter raises counts as a failure."""
        token = _pushing.set(True)
        try:
            result = self._exporter.export(metrics_data, timeout_millis, **kwargs)
        except Exception:
            result = MetricExportResult.FAILURE
        finally:
            _pushing.reset(token)
        self._note(result)
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the exporter."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Shut the exporter down: a push under way is not tried again."""
        self.closed = True
        self._exporter.shutdown(timeout_millis)

    def gave_up(self) -> None:
        """Count a push as failed that has not come to an end."""
        self._note(MetricExportResult.FAILURE)

    def _note(self, result: MetricExportResult) -> None:
        failed = result is not MetricExportResult.SUCCESS
        if failed:
            self.failures += 1
        else:
            self.last_success, self.last_success_at = time.monotonic(), time.time()
        if failed and not self.failing:
            _logger.warning(
                "phoenix_otel: pushing metrics to %s fails; totals are kept and sent once it is back", self._receiver
            )
        if self.failing and not failed:
            _logger.info("phoenix_otel: pushing metrics to %s works again", self._receiver)
        self.failing = failed


def otlp_exporter(config: TelemetryConfig) -> OutageAwareExporter:
    """Build the exporter of the configured protocol; raises ConfigError if its package is missing."""
    options = config.options
    module_name = _PROTOCOLS[options.otlp_protocol]
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        source = config.sources.get("otlp_protocol", config.sources.get("otlp_endpoint", "exporters"))
        raise ConfigError(
            f"option otlp_protocol: {options.otlp_protocol!r} from {source} needs a package that is not installed: "
            "pip install 'phoenix-otel[otlp]'"
        ) from error
    for name in _CHATTY_LOGGERS:
        logging.getLogger(name).addFilter(_not_pushing)
    build: Callable[..., MetricExporter] = module.OTLPMetricExporter
    given = {"endpoint": _endpoint(config), "timeout": options.otlp_timeout, "preferred_temporality": dict(CUMULATIVE)}
    receiver = options.otlp_endpoint or "the default OTLP endpoint"
    if options.otlp_protocol == "grpc":
        return OutageAwareExporter(build(**given), receiver)
    hold = otlp_http.Hold()
    return OutageAwareExporter(build(**given, session=otlp_http.session(hold)), receiver, hold)


def _not_pushing(_: logging.LogRecord) -> bool:
    return not _pushing.get()


def _endpoint(config: TelemetryConfig) -> str | None:
    """Return the full URL for HTTP, the base for gRPC, None for the exporter's own default."""
    endpoint = config.options.otlp_endpoint
    if not endpoint or config.options.otlp_protocol == "grpc":
        return endpoint or None
    if "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    if config.sources.get("otlp_endpoint", "").endswith(env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT):
        return endpoint
    return endpoint if endpoint.endswith(_METRICS_PATH) else endpoint.rstrip("/") + _METRICS_PATH
