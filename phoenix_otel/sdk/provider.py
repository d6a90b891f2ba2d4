"""The MeterProvider, and meters that make instruments over cells."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from threading import RLock
from typing import Any, Final

from opentelemetry.metrics import Meter as APIMeter
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricReader, MetricsData
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import Attributes

from phoenix_otel.sdk.collection import Core, collect
from phoenix_otel.sdk.meter import CellMeter
from phoenix_otel.sdk.plain import say_so

_logger = logging.getLogger("phoenix_otel")

DEFAULT_LIMIT: Final = 2000
"""Attribute sets of one instrument, as the specification has it: metrics/sdk.md, cardinality limits."""


class MeterProvider(sdk.MeterProvider):
    """The SDK's MeterProvider with a short way from a record to its number.

    `cardinality_limit` is the number of attribute sets of one instrument, the overflow series included;
    `cardinality_limits` replaces it for some, by the instrument's name in lower case or the name that Prometheus has
    for it. All else is the SDK's.
    Where the SDK is not built as expected, this is the plain SDK, and one line in the log says so.
    """

    _checks = True

    def __init__(
        self,
        metric_readers: Sequence[MetricReader] = (),
        resource: Resource | None = None,
        exemplar_filter: sdk.ExemplarFilter | None = None,
        shutdown_on_exit: bool = True,
        views: Sequence[Any] = (),
        *,
        cardinality_limit: int = DEFAULT_LIMIT,
        cardinality_limits: Mapping[str, int] | None = None,
        **others: Any,
    ) -> None:
        self.core: Core | None = None
        self._cell_meters: dict[APIMeter, CellMeter] = {}
        self._cell_meters_lock = RLock()
        super().__init__(metric_readers, resource, exemplar_filter, shutdown_on_exit, views, **others)
        if not self._checks or _sdk_is_as_expected():
            self.core = Core(self, cardinality_limit, cardinality_limits or {})
            for reader in metric_readers:
                self._lead_to_cells(reader)

    def get_meter(
        self, name: str, version: str | None = None, schema_url: str | None = None, attributes: Attributes = None
    ) -> APIMeter:
        """Return the meter of a scope; the same one for the same scope."""
        meter = super().get_meter(name, version, schema_url, attributes)
        if self.core is None or isinstance(meter, NoOpMeter):
            return meter
        with self._cell_meters_lock:
            if meter not in self._cell_meters:
                self._cell_meters[meter] = CellMeter(meter, self.core)
            return self._cell_meters[meter]

    def add_metric_reader(self, metric_reader: MetricReader) -> None:
        """Add a reader, which sees what is recorded from now on."""
        super().add_metric_reader(metric_reader)
        taken = metric_reader in self._measurement_consumer._reader_storages
        if taken and self.core is not None and metric_reader not in self.core.readers:
            self._lead_to_cells(metric_reader)

    def remove_metric_reader(self, metric_reader: MetricReader) -> None:
        """Remove a reader and shut it down."""
        super().remove_metric_reader(metric_reader)
        if self.core is not None and metric_reader in self.core.readers:
            self.core.remove_reader(metric_reader)

    def _lead_to_cells(self, reader: MetricReader) -> None:
        if self.core is not None:
            self.core.add_reader(reader)
            reader._set_collect_callback(self._collect_with_cells)  # type: ignore[arg-type]  # the SDK's own is no other
            if hasattr(reader, "read_cells"):
                reader.read_cells(self.core)

    def _collect_with_cells(self, reader: MetricReader, timeout_millis: float = 10_000) -> MetricsData | None:
        data: MetricsData | None = self._measurement_consumer.collect(reader, timeout_millis=timeout_millis)
        if self.core is None:
            return data
        return collect(self.core, reader, data, without_shared=getattr(reader, "takes_cells", False))

    def _set_meter_configurator(self, *, meter_configurator: Any) -> None:
        super()._set_meter_configurator(meter_configurator=meter_configurator)
        for instrument in self.core.instruments if self.core is not None else ():
            instrument.refresh()

    def _handle_fork(self) -> None:
        super()._handle_fork()
        self._cell_meters_lock = RLock()
        if self.core is not None:
            self.core.after_fork()


class _Unchecked(MeterProvider):
    _checks = False


@cache
def _sdk_is_as_expected() -> bool:
    """Try the whole way once, on instruments that nobody sees."""
    try:
        found = _one_of_each()
    except Exception as error:
        found = []
        _logger.debug("phoenix_otel: the SDK is not as expected", exc_info=error)
    if found != [{"a": 3, "b": -1, "c": 5, "d": 2.5, "seen": 1}] * 2:
        say_so()
        return False
    return True


def _one_of_each() -> list[dict[str, Any]]:
    readers = [InMemoryMetricReader(), InMemoryMetricReader({sdk.Counter: AggregationTemporality.DELTA})]
    views = [View(instrument_name="viewed", name="seen")]
    provider = _Unchecked(readers, Resource.get_empty(), shutdown_on_exit=False, views=views)
    meter = provider.get_meter("phoenix_otel.probe")
    adding, rising, setting = meter.create_counter("a"), meter.create_up_down_counter("b"), meter.create_gauge("c")
    recording, viewed = meter.create_histogram("d"), meter.create_counter("viewed")
    for amount in (1, 2):
        adding.add(amount, {"e": "f"})
    rising.add(-1)
    setting.set(5)
    recording.record(2.5, {"e": 1})
    viewed.add(1)
    found = [_values(reader.get_metrics_data()) for reader in readers]
    provider.shutdown()
    return found


def _values(data: Any) -> dict[str, Any]:
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    points: dict[str, Any] = {metric.name: metric.data.data_points[0] for metric in metrics}
    return {name: getattr(point, "sum", None) or point.value for name, point in points.items()}
