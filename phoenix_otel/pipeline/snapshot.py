"""One collected state, in every form that the endpoint shows: text formats and the JSON of /stats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from prometheus_client import Metric as Family
from prometheus_client.exposition import choose_encoder, generate_latest

from phoenix_otel.catalog import DOMAINS
from phoenix_otel.pipeline.encodable import encodable

_DOMAIN_OF: Final = {metric.prometheus_name: domain for domain, metrics in DOMAINS.items() for metric in metrics}
_UNIT_OF: Final = {metric.prometheus_name: metric.unit for metrics in DOMAINS.values() for metric in metrics}
_ORDER: Final = {name: position for position, name in enumerate(_UNIT_OF)}
_OPENMETRICS: Final = "application/openmetrics-text"
_RENAMING: Final = ("escaping=dots", "escaping=values")
"""Escapings of names that change even those that need none; hardly anybody asks for them."""
_PLAIN_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


class Snapshot:
    """The metric families of one collection."""

    def __init__(self, families: Sequence[Family]) -> None:
        self.families = families

    def collect(self) -> Iterable[Family]:
        """Return the families, as prometheus_client's encoders ask for them."""
        return self.families

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return body and content type: OpenMetrics 1.0 or text 0.0.4, as the Accept header asks."""
        encode, content_type = _encoder(accept)
        try:
            return encode(self), content_type
        except UnicodeEncodeError:
            return encode(Snapshot(encodable(self.families))), content_type

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return domain -> metric name -> type, unit, help and series; what is not in the catalog is under `other`."""
        domains: dict[str, dict[str, Any]] = {domain: {} for domain in DOMAINS}
        named = {
            f"{family.name}_total" if family.type == "counter" else family.name: family for family in self.families
        }
        for name in sorted(named, key=lambda name: _ORDER.get(name, len(_ORDER))):
            family = named[name]
            domains.setdefault(_DOMAIN_OF.get(name, "other"), {})[name] = {
                "type": family.type,
                "unit": _UNIT_OF.get(name, family.unit),
                "help": family.documentation,
                "series": _histograms(family) if family.type == "histogram" else _values(family),
            }
        return domains


class DirectSnapshot(Snapshot):
    """The state at the moment when it is asked for; text comes straight from the numbers."""

    def __init__(self, read: Callable[[], Sequence[Family]], render: Callable[[bool], bytes]) -> None:
        self._read = read
        self._render = render

    @property
    def families(self) -> Sequence[Family]:  # type: ignore[override]
        """Collect, and return every metric family."""
        return self._read()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return body and content type: OpenMetrics 1.0 or text 0.0.4, as the Accept header asks."""
        encode, content_type = _encoder(accept)
        if content_type.endswith(_RENAMING):
            return encode(self), content_type
        return self._render(content_type.startswith(_OPENMETRICS)), content_type


def _encoder(accept: str) -> tuple[Callable[[Any], bytes], str]:
    try:
        return choose_encoder(accept)
    except (ValueError, TypeError):  # a version that is no number
        return generate_latest, _PLAIN_TEXT


def _values(family: Family) -> list[dict[str, Any]]:
    return [{"labels": dict(sample.labels), "value": sample.value} for sample in family.samples]


def _histograms(family: Family) -> list[dict[str, Any]]:
    """Fold a histogram's samples into count, sum and two estimated quantiles for each set of labels."""
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        key = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            buckets.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[key] = sample.value
    return [
        {
            "labels": dict(key),
            "count": bounds[-1][1],
            "sum": sums.get(key, 0.0),
            "p50": quantile(0.5, bounds),
            "p95": quantile(0.95, bounds),
        }
        for key, bounds in buckets.items()
    ]


def quantile(q: float, buckets: Sequence[tuple[float, float]]) -> float | None:
    """Estimate a quantile from cumulative buckets as PromQL's histogram_quantile does; None without observations."""
    total = buckets[-1][1]
    rank = q * total
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if total and count >= rank:
            return low if math.isinf(bound) else low + (bound - low) * (rank - below) / ((count - below) or 1)
        low, below = bound, count
    return None
