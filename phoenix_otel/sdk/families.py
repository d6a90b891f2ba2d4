"""Metric families as Prometheus names them: what has the same family name and type is one, whatever it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from json import dumps
from typing import Any, Final

from opentelemetry.sdk.metrics.export import MetricsData, NumberDataPoint
from opentelemetry.sdk.resources import Resource

from phoenix_otel.sdk import instruments as kinds
from phoenix_otel.sdk.instruments import CellInstrument
from phoenix_otel.sdk.internals import map_unit, sanitize_attribute
from phoenix_otel.sdk.names import FamilyType, encodable, family_name, family_type, longest

Labels = Mapping[str, str]
_label: Final = lru_cache(maxsize=1024)(sanitize_attribute)


@dataclass(frozen=True)
class CellSource:
    """Series that are cells, with labels that all of them carry."""

    instrument: CellInstrument
    extra: Labels

    def names(self) -> set[str]:
        """Return the label names."""
        return {_label(name) for name in (*self.instrument.names.copy(), *self.extra)}


@dataclass(frozen=True)
class PointSource:
    """Series that are data points of the SDK, with labels that all of them carry."""

    points: Sequence[Any]
    extra: Labels

    def names(self) -> set[str]:
        """Return the label names."""
        given = {name for point in self.points for name in point.attributes or ()}
        return {_label(name) for name in (*given, *self.extra)}


@dataclass
class Family:
    """A name without `_total` or `_info`, type, unit, help, and where the series come from."""

    name: str
    type: FamilyType
    unit: str
    help: str
    sources: list[CellSource | PointSource] = field(default_factory=list)

    def label_names(self) -> tuple[str, ...]:
        """Return the label names of all series, sorted; a series without one of them has it empty."""
        return tuple(sorted({name for source in self.sources for name in source.names()}))


def prometheus_name(instrument: CellInstrument) -> str:
    """Return the name of an instrument's samples; for a histogram that of its family."""
    type_ = _TYPES[instrument.kind]
    return family_name(instrument.name, instrument.unit, type_) + ("_total" if type_ == "counter" else "")


class Families:
    """Gathers families; `own_scope` is the only scope whose series do not carry otel_scope_name."""

    def __init__(self, own_scope: str, labels: Labels) -> None:
        self._own_scope = own_scope
        self._labels = dict(labels)
        self._by_key: dict[tuple[str, FamilyType], Family] = {}
        self.unsupported: set[str] = set()

    def __iter__(self) -> Any:
        return iter(self._by_key.values())

    def add_target(self, resource: Resource) -> None:
        """Add target_info with the resource's attributes as labels."""
        family = self._by_key["target", "info"] = Family("target", "info", "", "Target metadata")
        family.sources.append(PointSource([NumberDataPoint(resource.attributes, 0, 0, 1)], {}))

    def add_instruments(self, instruments: Iterable[CellInstrument]) -> None:
        """Add instruments whose cells are to be shown."""
        for instrument in instruments:
            type_ = _TYPES[instrument.kind]
            family = self._family(instrument.name, instrument.unit, instrument.description, type_)
            family.sources.append(CellSource(instrument, self._extra(instrument.instrumentation_scope)))

    def add_data(self, data: MetricsData) -> None:
        """Add metrics of the SDK; the names of those that cannot be shown are in `unsupported`."""
        for scope_metrics in (scope for resource in data.resource_metrics for scope in resource.scope_metrics):
            extra = self._extra(scope_metrics.scope)
            for metric in scope_metrics.metrics:
                type_ = family_type(metric)
                if type_ is None:
                    self.unsupported.add(metric.name)
                    continue
                family = self._family(metric.name, metric.unit, metric.description, type_)
                family.sources.append(PointSource(metric.data.data_points, extra))

    def _family(self, name: str, unit: str | None, description: str | None, type_: FamilyType) -> Family:
        full = family_name(name, unit or "", type_)
        family = self._by_key.setdefault((full, type_), Family(full, type_, map_unit(unit or ""), description or ""))
        family.help = longest(family.help, description)
        return family

    def _extra(self, scope: Any) -> Labels:
        return self._labels if scope.name == self._own_scope else {**self._labels, "otel_scope_name": scope.name}


_TYPES: Final[Mapping[type, FamilyType]] = {
    kinds.Counter.kind: "counter",
    kinds.UpDownCounter.kind: "gauge",
    kinds.Gauge.kind: "gauge",
    kinds.Histogram.kind: "histogram",
}


def shown(attributes: Mapping[str, Any] | None, extra: Labels) -> dict[str, str]:
    """Return labels as Prometheus shows them: what is no text as JSON."""
    given = {**(attributes or {}), **extra}
    return {
        _label(name): encodable(value) if isinstance(value, str) else dumps(value, default=str)
        for name, value in given.items()
    }
