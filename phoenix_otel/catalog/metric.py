"""The shape of one metric, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]

_UNIT_SUFFIXES: Final = {"s": "_seconds", "By": "_bytes", "%": "_percent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of the catalog.

    `name` and `unit` are OpenTelemetry's (unit in UCUM; text in braces is an annotation and leaves no trace in the
    Prometheus name). `attributes` are the label names in the order in which recorders pass their values.
    `siblings` are values of the attribute `status` that start at zero together with the first one seen, so that
    `increase()` counts from the first event. `bucket_option` names the configuration option that replaces `buckets`.
    A metric that is not `limited` has no cardinality limit: its attribute values are few by themselves.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    bucket_option: str | None = None
    siblings: tuple[str, ...] = ()
    limited: bool = True

    @property
    def prometheus_name(self) -> str:
        """The name a scrape shows, by the OpenTelemetry to Prometheus compatibility specification."""
        suffix = _UNIT_SUFFIXES.get(self.unit, "")
        total = "_total" if self.kind == "counter" else ""
        return self.name.replace(".", "_") + suffix + total
