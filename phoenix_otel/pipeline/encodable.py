"""Metric families as UTF-8 can carry them: what the program's own meters record is not ours to clean beforehand."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Metric as Family

from phoenix_otel.sdk.names import encodable as text


def encodable(families: Iterable[Family]) -> list[Family]:
    """Return the families with lone surrogates written as escapes, so that label values that differ still do."""
    return [_family(family) for family in families]


def _family(family: Family) -> Family:
    written = Family(family.name, text(family.documentation), family.type, family.unit)
    written.samples = [
        sample._replace(labels={name: text(value) for name, value in sample.labels.items()})
        for sample in family.samples
    ]
    return written
