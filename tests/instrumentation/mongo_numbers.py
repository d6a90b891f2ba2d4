"""What was recorded about MongoDB, in the shape in which tests state it."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from phoenix_otel.testing import RecordedMetrics
from tests.stack.mongo import MongoServer


def queries(recorded: RecordedMetrics) -> dict[tuple[str, str, str], float]:
    """Return how many queries by operation, collection and status."""
    samples = recorded.samples("database_queries_total")
    return {
        (sample.labels["operation"], sample.labels["collection"], sample.labels["status"]): sample.value
        for sample in samples
        if sample.value
    }


def documents(recorded: RecordedMetrics) -> dict[tuple[str, str], float]:
    """Return how many documents by operation and collection."""
    samples = recorded.samples("database_documents_total")
    return {(sample.labels["operation"], sample.labels["collection"]): sample.value for sample in samples}


def errors(recorded: RecordedMetrics) -> dict[str, float]:
    """Return how many connection errors by type."""
    samples = recorded.samples("database_connection_errors_total")
    return {sample.labels["error_type"]: sample.value for sample in samples}


def connections(recorded: RecordedMetrics) -> dict[str, float]:
    """Return open connections by state, over all pools, and under `active` what the contract's gauge says."""
    samples = recorded.samples("db_client_connection_count")
    states = {"active": recorded.value("database_connections_active"), "idle": 0.0, "used": 0.0}
    for sample in samples:
        states[sample.labels["db_client_connection_state"]] += sample.value
    return states


def sockets(mongo: MongoServer) -> int:
    """Return how many connections to the server this process has, as the operating system sees it."""
    found = psutil.Process().net_connections("tcp4")
    return sum(1 for each in found if each.raddr and each.raddr.port == mongo.port and each.status == "ESTABLISHED")


def eventually(condition: Callable[[], bool], within: float = 15.0) -> None:
    """Wait until something is so; fails if it is not in time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
