"""One recorder a domain, on the OpenTelemetry API alone: they work with any MeterProvider."""

from __future__ import annotations

from phoenix_otel.recorders.collector import MetricsCollector
from phoenix_otel.recorders.database import DatabaseRecorder
from phoenix_otel.recorders.event_loop import LoopMonitor
from phoenix_otel.recorders.instruments import Binding
from phoenix_otel.recorders.proxy import PoolState, ProxyRecorder
from phoenix_otel.recorders.rate_limit import RateLimitRecorder
from phoenix_otel.recorders.sampler import Sample, SystemSampler
from phoenix_otel.recorders.scraper import ScraperRecorder
from phoenix_otel.recorders.system import SystemRecorder

__all__ = [
    "Binding",
    "DatabaseRecorder",
    "LoopMonitor",
    "MetricsCollector",
    "PoolState",
    "ProxyRecorder",
    "RateLimitRecorder",
    "Sample",
    "ScraperRecorder",
    "SystemRecorder",
    "SystemSampler",
]
