"""Holds a scrape of /metrics against the ground truth, in both directions."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from phoenix_otel.demo.ground_truth import Truth

Key = tuple[str, tuple[tuple[str, str], ...]]


def differences(truth: Truth, metrics: str) -> list[str]:
    """One line for each series that the metrics lack, have too much of, or give another value; [] if none.

    Only metrics that the truth names are looked at; a series of value 0 counts as absent.
    """
    expected = dict(_expected(truth))
    shown = {key: value for key, value in _shown(metrics) if key[0] in truth and value}
    return [
        f"{_text(key)}: truth {expected.get(key, 0)}, metrics {shown.get(key, 0)}"
        for key in sorted(expected.keys() | shown.keys())
        if expected.get(key, 0) != shown.get(key, 0)
    ]


def _expected(truth: Truth) -> Iterator[tuple[Key, float]]:
    for name, series in truth.items():
        for one in series:
            yield (name, tuple(sorted(one["labels"].items()))), one["value"]


def _shown(metrics: str) -> Iterator[tuple[Key, float]]:
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            yield (sample.name, tuple(sorted(sample.labels.items()))), sample.value


def _text(key: Key) -> str:
    name, labels = key
    return f"{name}{{{', '.join(f'{label}={value!r}' for label, value in labels)}}}"
