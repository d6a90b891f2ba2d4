"""The catalog keeps the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from phoenix_otel.catalog import ATTRIBUTES, DOMAINS, METRICS

CONTRACT: dict[str, list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("contract.yaml").read_text("utf-8"))
ENTRIES = [(domain, entry) for domain, entries in CONTRACT.items() for entry in entries]


@pytest.mark.parametrize(("domain", "entry"), ENTRIES, ids=[entry["name"] for _, entry in ENTRIES])
def test_catalog_has_the_metric_as_the_contract_has_it(domain: str, entry: dict[str, Any]) -> None:
    metric = {metric.prometheus_name: metric for metric in DOMAINS[domain]}[entry["name"]]

    assert metric.name == entry["otel"]
    assert metric.kind == entry["type"]
    assert metric.unit == entry["unit"]
    assert set(metric.attributes) == set(entry["labels"])
    assert list(metric.buckets) == entry.get("buckets", [])


def test_contract_lists_35_metrics() -> None:
    assert len(ENTRIES) == 35


def test_names_are_unique_and_described() -> None:
    assert len({metric.prometheus_name for metric in METRICS}) == len(METRICS)
    assert all(metric.description and not metric.description.endswith(".") for metric in METRICS)


def test_every_attribute_has_a_meaning() -> None:
    assert {name for metric in METRICS for name in metric.attributes} == set(ATTRIBUTES)
