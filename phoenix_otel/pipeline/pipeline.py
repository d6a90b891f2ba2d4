"""A MeterProvider with its readers: our own, or the one that the program has set already."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from phoenix_otel import sdk
from phoenix_otel._version import __version__
from phoenix_otel.config import MetricsConfig, TelemetryConfig
from phoenix_otel.pipeline.otlp import OutageAwareExporter, otlp_exporter
from phoenix_otel.pipeline.prometheus_reader import PrometheusReader

_logger = logging.getLogger("phoenix_otel")

SCOPE: Final = "phoenix_otel"


@dataclass(frozen=True)
class Readers:
    """The readers that a configuration asks for."""

    prometheus: PrometheusReader | None
    otlp: OutageAwareExporter | None
    all: Sequence[MetricReader]


class Pipeline:
    """Readers on a MeterProvider. `owned` tells whether the provider is ours to shut down."""

    def __init__(self, provider: metrics.MeterProvider, readers: Readers, *, owned: bool) -> None:
        self._provider = provider
        self._readers = readers
        self._closed = False
        self.owned = owned
        self.prometheus = readers.prometheus
        self.otlp = readers.otlp

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
        return within(timeout, self._close) and (self.otlp is None or not self.otlp.failing)

    def _flush_readers(self) -> None:
        for reader in self._readers.all:
            reader.force_flush()

    def _close(self) -> None:
        if self.owned and isinstance(self._provider, MeterProvider):
            self._provider.shutdown()
        elif isinstance(self._provider, MeterProvider):
            self._flush_readers()  # a reader that was added later is not collected any more once it is removed
            for reader in self._readers.all:
                self._provider.remove_metric_reader(reader)


def build_pipeline(config: TelemetryConfig, resource: Resource, foreign: metrics.MeterProvider | None) -> Pipeline:
    """Build our own provider, or attach to the `foreign` one. Raises ConfigError if a package for OTLP is missing."""
    readers = _readers(config, attached=foreign is not None)
    if foreign is None:
        return Pipeline(build_provider(config.options, readers.all, resource), readers, owned=True)
    _logger.info("phoenix_otel: a MeterProvider is set already; attaching to it")
    if not isinstance(foreign, MeterProvider):
        _logger.warning("phoenix_otel: that MeterProvider takes no readers; the endpoint cannot show what it records")
        return Pipeline(foreign, Readers(None, None, ()), owned=False)
    for reader in readers.all:
        foreign.add_metric_reader(reader)
    return Pipeline(foreign, readers, owned=False)


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


def _readers(config: TelemetryConfig, *, attached: bool) -> Readers:
    wanted = config.exporters
    prometheus = PrometheusReader(SCOPE, config.options.labels) if "prometheus" in wanted else None
    # a provider that the program has set up reads the standard variables itself: pushing twice would be wrong
    push = "otlp" in wanted and not (attached and config.sources.get("otlp_endpoint", "").startswith("environment"))
    otlp = otlp_exporter(config) if push else None
    exporters = [otlp] if otlp else []
    pushing = [*exporters, *([ConsoleMetricExporter()] if "console" in wanted else [])]
    periodic = [PeriodicExportingMetricReader(each, config.export_interval * 1000) for each in pushing]
    return Readers(prometheus, otlp, [*([prometheus] if prometheus else []), *periodic])


def within(timeout: float, work: Callable[[], object]) -> bool:
    """Run `work` in a thread that is left behind when the time is up; tell whether it ended, and well."""
    done: list[bool] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            _logger.warning("phoenix_otel: flushing or closing the metrics failed with %s", type(error).__name__)
        else:
            done.append(True)

    thread = Thread(target=run, name="phoenix-otel-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread can be started once the interpreter is on its way out
        run()
    else:
        thread.join(timeout)
    return bool(done)
