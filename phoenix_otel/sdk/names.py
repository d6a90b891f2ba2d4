"""Which family of Prometheus a metric belongs to."""

from __future__ import annotations

from typing import Literal

from opentelemetry.sdk.metrics.export import Gauge, Histogram, Metric, Sum

try:
    from opentelemetry.exporter.prometheus._mapping import map_unit, sanitize_full_name
except ImportError:  # the exporter gives names then; these only tell families apart
    map_unit = sanitize_full_name = str  # type: ignore[assignment]

FamilyType = Literal["counter", "gauge", "histogram", "info"]


def family_type(metric: Metric) -> FamilyType | None:
    """Return the type that a metric of the SDK has for Prometheus; None for one that it cannot show."""
    data = metric.data
    if isinstance(data, Sum):
        return "counter" if data.is_monotonic else "gauge"
    return "gauge" if isinstance(data, Gauge) else "histogram" if isinstance(data, Histogram) else None


def family_name(name: str, unit: str, type_: FamilyType) -> str:
    """Return the family's name, by the specification's rules for Prometheus compatibility."""
    name, unit = sanitize_full_name(name), map_unit(unit)
    if type_ == "counter":
        name = name.removesuffix("_total")
    return f"{name}_{unit}" if unit and not name.endswith(f"_{unit}") else name


def longest(*descriptions: str | None) -> str:
    """Return the description that a family has where several would do: one that does not depend on who came first."""
    return max((text or "" for text in descriptions), key=lambda text: (len(text), text))


def encodable(text: str) -> str:
    """Write lone surrogates, which UTF-8 cannot carry, as escapes: texts that differ still do."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
