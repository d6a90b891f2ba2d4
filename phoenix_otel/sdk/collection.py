"""What instruments and readers share, and how a reader gets the SDK's MetricsData out of cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from threading import RLock
from time import time_ns
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricReader,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from phoenix_otel.sdk import instruments as kinds
from phoenix_otel.sdk.cells import Distribution
from phoenix_otel.sdk.exemplars import Exemplars
from phoenix_otel.sdk.exposition import Exposition
from phoenix_otel.sdk.families import prometheus_name
from phoenix_otel.sdk.instruments import CellInstrument
from phoenix_otel.sdk.internals import DefaultAggregation, Measurement, default_reservoir_factory


class ReaderView:
    """What a reader sees, and up to where it has read."""

    def __init__(self, reader: MetricReader, core: Core) -> None:
        self._reader = reader
        self._core = core
        self.added = self.since = time_ns()
        self.exemplars_read = 0

    def temporality(self, instrument: CellInstrument) -> AggregationTemporality:
        """Return what the reader prefers for this kind of instrument."""
        return self._reader._instrument_class_temporality[instrument.kind]

    def cumulative(self, instrument: CellInstrument) -> bool:
        """Tell whether the reader wants totals."""
        return self.temporality(instrument) is AggregationTemporality.CUMULATIVE

    def takes_default(self, instrument: CellInstrument) -> bool:
        """Tell whether the aggregation that the reader prefers for this kind comes to the same as the default one."""
        preferred: Any = self._reader._instrument_class_aggregation[instrument.kind]
        one, other = _aggregation(preferred, instrument), _aggregation(DefaultAggregation(), instrument)
        same = (getattr(one, name, None) == getattr(other, name, None) for name in ("_boundaries", "_record_min_max"))
        return type(one) is type(other) and all(same)

    def pass_on(self, measurement: Measurement, inner: Any) -> None:
        """Hand a measurement to the SDK's storage of this reader."""
        storage = self._core.provider._measurement_consumer._reader_storages.get(self._reader)
        if storage is not None:
            wanted = self._core.provider._sdk_config.exemplar_filter.should_sample(
                measurement.value, measurement.time_unix_nano, measurement.attributes, measurement.context
            )
            storage.consume_measurement(dataclasses.replace(measurement, instrument=inner), wanted)


def _aggregation(configured: Any, instrument: CellInstrument) -> Any:
    return configured._create_aggregation(instrument.inner, None, default_reservoir_factory, 0)


class Core:
    """The instruments that have recorded, in the order in which they began, and the readers that look at them."""

    def __init__(self, provider: Any, limit: int, limits: Mapping[str, int]) -> None:
        self.lock = RLock()
        self.provider = provider
        self.exemplars = Exemplars(provider._sdk_config.exemplar_filter)
        self.instruments: list[CellInstrument] = []
        self.readers: dict[MetricReader, ReaderView] = {}
        self._limit = limit
        self._limits = limits

    @property
    def views(self) -> Any:
        """The provider's views."""
        return self.provider._sdk_config.views

    @property
    def resource(self) -> Any:
        """The provider's resource."""
        return self.provider._sdk_config.resource

    def limit(self, instrument: CellInstrument) -> int:
        """Return how many attribute sets an instrument may have."""
        name = instrument.name
        return self._limits.get(name, self._limits.get(prometheus_name(instrument), self._limit))

    def open(self, instrument: CellInstrument) -> None:
        """Begin with an instrument at its first record. ValueError for boundaries that the SDK refuses."""
        default = _aggregation(DefaultAggregation(), instrument)  # before the lock: what is made may log
        by_default = {view: view.takes_default(instrument) for view in list(self.readers.values())}
        with self.lock:
            if instrument.opened:
                return
            instrument.prepare(default)
            instrument.begin({view: by_default.get(view, True) for view in self.readers.values()})
            if not instrument.opened:  # what has interrupted us may have opened it
                instrument.opened = True
                self.instruments.append(instrument)

    def add_reader(self, reader: MetricReader) -> None:
        """Let a reader see what is recorded from now on."""
        view = ReaderView(reader, self)
        by_default = {each: view.takes_default(each) for each in self.instruments[:]}
        with self.lock:
            self.readers[reader] = view
            for instrument in self.instruments:
                instrument.see(view, by_default=by_default.get(instrument, True))

    def remove_reader(self, reader: MetricReader) -> None:
        """Forget a reader and what is kept for it alone."""
        with self.lock:
            view = self.readers.pop(reader)
            for instrument in self.instruments:
                instrument.unsee(view)

    def shared_with(self, reader: MetricReader) -> list[CellInstrument]:
        """Return the instruments whose totals are what this reader wants."""
        view = self.readers[reader]
        return [each for each in self.instruments if view not in each.own and view not in each.by_sdk]

    def series(self, *, without_scope: str) -> list[tuple[str, int]]:
        """Return the Prometheus name of each instrument and how many series it has, without those of one scope."""
        others = (each for each in self.instruments if each.instrumentation_scope.name != without_scope)
        return [(prometheus_name(each), len(each.cells)) for each in others]

    def exposition(self, own_scope: str, labels: Mapping[str, str]) -> Exposition:
        """Return what writes text for a reader."""
        return Exposition(self.resource, own_scope, labels)

    def after_fork(self) -> None:
        """Make the lock free again in a child: the thread that may have held it is not there."""
        self.lock._at_fork_reinit()  # type: ignore[attr-defined]


def collect(core: Core, reader: MetricReader, data: MetricsData | None, *, without_shared: bool) -> MetricsData | None:
    """Join what cells hold for a reader to what the SDK has collected for it."""
    view = core.readers[reader]
    now, order = time_ns(), core.exemplars.now()
    left_out = core.shared_with(reader) if without_shared else []
    found: dict[InstrumentationScope, list[Metric]] = {}
    for instrument in core.instruments[:]:
        if view not in instrument.by_sdk and instrument not in left_out:
            metric = _metric(core, instrument, view, now, order)
            if metric is not None:
                found.setdefault(instrument.instrumentation_scope, []).append(metric)
    view.since, view.exemplars_read = now, order
    return _joined(core, data, found) if found else data


def _joined(core: Core, data: MetricsData | None, found: dict[InstrumentationScope, list[Metric]]) -> MetricsData:
    scopes: dict[InstrumentationScope, ScopeMetrics] = {}
    for resource_metrics in data.resource_metrics if data is not None else ():
        scopes |= {scope_metrics.scope: scope_metrics for scope_metrics in resource_metrics.scope_metrics}
    for scope, metrics in found.items():
        before = scopes[scope].metrics if scope in scopes else ()
        scopes[scope] = ScopeMetrics(scope, [*before, *metrics], scope.schema_url or "")
    resource = core.resource
    return MetricsData([ResourceMetrics(resource, list(scopes.values()), resource.schema_url)])


def _metric(core: Core, instrument: CellInstrument, view: ReaderView, now: int, order: int) -> Metric | None:
    points: Any = list(_points(core, instrument, view, now, order))
    if not points:
        return None
    data: Any
    if isinstance(instrument, kinds.Histogram):
        data = Histogram(points, view.temporality(instrument))
    elif isinstance(instrument, kinds.Gauge):
        data = Gauge(points)
    else:
        data = Sum(points, view.temporality(instrument), isinstance(instrument, kinds.Counter))
    return Metric(instrument.name, instrument.description, instrument.unit, data)


def _points(core: Core, instrument: CellInstrument, view: ReaderView, now: int, order: int) -> Iterator[Any]:
    by_tally, deltas = view in instrument.own, not view.cumulative(instrument)
    for cell in instrument.cells[:]:
        with core.lock:
            held = _held(cell, instrument.own.index(view), empty=deltas) if by_tally else cell.read()
            marks = cell.kept(view.exemplars_read, order) if held is not None and cell.marks else ()
        if held is None:
            continue
        attributes = cell.attributes()
        exemplars = [
            Exemplar(mark.rest, mark.value, mark.time_unix_nano, mark.span_id, mark.trace_id) for mark in marks
        ]
        start = max(cell.start, view.since if deltas else view.added) if by_tally else cell.start
        if isinstance(held, Distribution):
            yield HistogramDataPoint(
                attributes=attributes,
                start_time_unix_nano=start,
                time_unix_nano=now,
                count=sum(held.counts),
                sum=held.sum,
                bucket_counts=tuple(held.counts),
                explicit_bounds=cell.bounds,
                min=held.min,
                max=held.max,
                exemplars=exemplars,
            )
        else:
            no_start: Any = None
            yield NumberDataPoint(
                attributes=attributes,
                start_time_unix_nano=no_start if isinstance(instrument, kinds.Gauge) else start,
                time_unix_nano=now,
                value=held,
                exemplars=exemplars,
            )


def _held(cell: Any, place: int, *, empty: bool) -> Any:
    tally = cell.tallies[place]  # asked for under the lock: a reader that goes makes the others move up
    return tally.take() if empty else tally.read()
