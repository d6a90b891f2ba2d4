"""What a scrape says, in the shape in which tests state it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil
import yaml

from tests.http import families

CONTRACT: Final[dict[str, str]] = {
    entry["name"]: entry["type"]
    for entries in yaml.safe_load((Path(__file__).parents[1] / "catalog" / "contract.yaml").read_text("utf-8")).values()
    for entry in entries
}
"""The type of each metric of the contract."""
COLLECTION_METRICS: Final = frozenset({"database_collection_size_bytes", "database_collection_document_count"})
"""Those that are only there where collections are named."""
MONITORS: Final = 1


def kinds(metrics: str) -> dict[str, str]:
    """Return the type of each metric that has a value."""
    return {
        f"{name}_total" if family.type == "counter" else name: family.type
        for name, family in families(metrics).items()
        if family.samples
    }


def value(metrics: str, name: str, **labels: str) -> float:
    """Return the sum of the samples that have this name and these labels; -1 if there is none."""
    found = [
        sample.value
        for family in families(metrics).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else -1.0


def connections(pid: int, port: int) -> int:
    """Return a process's connections to a database, as the operating system sees them, without its monitor's."""
    found = psutil.Process(pid).net_connections("tcp4")
    return (
        sum(1 for each in found if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED") - MONITORS
    )
