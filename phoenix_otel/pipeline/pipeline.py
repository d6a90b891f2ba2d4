"""A MeterProvider with its readers: our own, or the one that the program has set already."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricReader
from opentelemetry.sdk.resources import Resource

from phoenix_otel import sdk
from phoenix_otel._guard import Guard
from phoenix_otel._version import __version__
from phoenix_otel.config import MetricsConfig, TelemetryConfig
from phoenix_otel.pipeline.deadline import within
from phoenix_otel.pipeline.otlp import OutageAwareExporter, otlp_exporter
from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
from phoenix_otel.pipeline.push_reader import PushReader
from phoenix_otel.pipeline.spool import Spool

_logger = logging.getLogger("phoenix_otel")

SCOPE: Final = "phoenix_otel"
_PATIENCE: Final = 5.0
"""Seconds beyond the time limits of two attempts, after which a push counts as failed even if it goes on."""


@dataclass(frozen=True)
class Readers:
    """The readers that a configuration asks for."""

    prometheus: PrometheusReader | None
    otlp: OutageAwareExporter | None
    pushing: Sequence[PushReader]

    @property
    def all(self) -> Sequence[MetricReader]:
        """Every reader."""
        return [*([self.prometheus] if self.prometheus else []), *self.pushing]


class Pipeline:
    """Readers on a MeterProvider. `owned` tells whether the provider is ours to shut down."""

    def __init__(self, provider: metrics.MeterProvider, readers: Readers, *, owned: bool) -> None:
        self._provider = provider
        self._readers = readers
        self._closed = False
        self.owned = owned
        self.prometheus = readers.prometheus
        self.otlp = readers.otlp
        self.pushing = readers.pushing

    @property
    def provider(self) -> metrics.MeterProvider:
        """The MeterProvider that everything is recorded on."""
        return self._provider

    def meter(self) -> Meter:
        """Return the meter of our own scope."""
        return self._provider.get_meter(SCOPE, __version__)

    def series_of_others(self) -> Iterable[tuple[str, int]]:
        """Return Prometheus name and number of series of the program's own metrics, as far as the provider knows."""
        core = getattr(self._provider, "core", None)
        return () if core is None or self._closed else core.series(without_scope=SCOPE)

    def force_flush(self, timeout: float) -> bool:
        """Push what there is, within `timeout` seconds; tell whether it arrived."""
        before = time.monotonic()
        flushed = within(timeout, self._flush_readers)
        pushed = self.otlp is None or (self.otlp.last_success or 0.0) >= before
        return flushed and pushed

    def shutdown(self, timeout: float) -> bool:
        """Push for the last time and close our readers, within `timeout` seconds; tell whether it all got done."""
        self._closed = True
        return within(timeout, lambda: self._close(timeout)) and all(reader.arrived for reader in self.pushing)

    def abandon(self) -> None:
        """Let go of everything without touching it: for a child, whose parent goes on with it."""
        for reader in self.pushing:
            reader.abandon()

    def _flush_readers(self) -> None:
        for reader in self._readers.all:
            reader.force_flush()

    def _close(self, timeout: float) -> None:
        if self.owned and isinstance(self._provider, MeterProvider):
            self._provider.shutdown(timeout * 1000)
        elif isinstance(self._provider, MeterProvider):
            for reader in self._readers.all:
                reader.shutdown(timeout * 1000)  # before: a reader that is removed can collect no more
                self._provider.remove_metric_reader(reader)


def build_pipeline(
    config: TelemetryConfig, resource: Resource, foreign: metrics.MeterProvider | None, guard: Guard
) -> Pipeline:
    """Build our own provider, or attach to the `foreign` one. Raises ConfigError if a package for OTLP is missing."""
    readers = _readers(config, guard, attached=foreign is not None)
    if foreign is None:
        return _started(Pipeline(build_provider(config.options, readers.all, resource), readers, owned=True))
    _logger.info("phoenix_otel: a MeterProvider is set already; attaching to it")
    if not isinstance(foreign, MeterProvider):
        _logger.warning("phoenix_otel: that MeterProvider takes no readers; the endpoint cannot show what it records")
        return Pipeline(foreign, Readers(None, None, ()), owned=False)
    for reader in readers.all:
        foreign.add_metric_reader(reader)
    return _started(Pipeline(foreign, readers, owned=False))


def build_provider(options: MetricsConfig, readers: Sequence[MetricReader], resource: Resource) -> MeterProvider:
    """Build a MeterProvider: the fast one, or the plain SDK's if the options say so."""
    if not options.fast_path:
        return MeterProvider(readers, resource, shutdown_on_exit=False)
    return sdk.MeterProvider(
        readers,
        resource,
        shutdown_on_exit=False,
        cardinality_limit=options.cardinality_limit,
        cardinality_limits=options.cardinality_limits,
    )


def _started(pipeline: Pipeline) -> Pipeline:
    for reader in pipeline.pushing:
        reader.start()
    return pipeline


def _readers(config: TelemetryConfig, guard: Guard, *, attached: bool) -> Readers:
    wanted = config.exporters
    prometheus = PrometheusReader(SCOPE, config.options.labels) if "prometheus" in wanted else None
    # a provider that the program has set up reads the standard variables itself: pushing twice would be wrong
    push = "otlp" in wanted and not (attached and config.sources.get("otlp_endpoint", "").startswith("environment"))
    otlp = otlp_exporter(config) if push else None
    options = config.options
    spool = Spool(Path(options.spool_directory), options.spool_size) if options.spool_directory else None
    patience = _PATIENCE + 2 * options.otlp_timeout
    pushing = [PushReader(otlp, config.export_interval, guard, patience=patience, spool=spool)] if otlp else []
    if "console" in wanted:
        console = OutageAwareExporter(ConsoleMetricExporter(), "the console")
        pushing.append(PushReader(console, config.export_interval, guard, patience=patience, spool=None))
    return Readers(prometheus, otlp, pushing)
