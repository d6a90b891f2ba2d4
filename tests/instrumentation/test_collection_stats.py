"""Collection statistics, read in the background from a real server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pymongo import MongoClient

from phoenix_otel.instrumentation.collection_stats import CollectionStatsReader
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.mongo_numbers import connections, errors, eventually, queries
from tests.stack.mongo import MongoServer

Client = MongoClient[dict[str, Any]]
OPENED = "db_client_connection_create_time_seconds_count"


def counts(recorded: RecordedMetrics) -> dict[str, float]:
    samples = recorded.samples("database_collection_document_count")
    return {sample.labels["collection"]: sample.value for sample in samples}


def sizes(recorded: RecordedMetrics) -> dict[str, float]:
    samples = recorded.samples("database_collection_size_bytes")
    return {sample.labels["collection"]: sample.value for sample in samples}


def fill(mongo: MongoServer, namespace: str, count: int) -> None:
    database, collection = namespace.split(".")
    with Client(mongo.uri) as client:
        client[database][collection].insert_many([{"n": number} for number in range(count)])


def test_sizes_and_counts_follow_the_server(recorded: RecordedMetrics, mongo: MongoServer) -> None:
    fill(mongo, "app.homes", 30)
    fill(mongo, "app.agents", 5)
    names = ["app.homes", "app.agents", "app.empty"]
    reader = CollectionStatsReader(recorded.collector, mongo.uri, names, interval=0.05)
    reader.start()
    eventually(lambda: counts(recorded) == {"homes": 30, "agents": 5, "empty": 0})
    shown = sizes(recorded)
    fill(mongo, "app.homes", 12)
    eventually(lambda: counts(recorded)["homes"] == 42)
    reader.stop(timeout=5)

    assert shown.keys() == {"homes", "agents", "empty"}
    assert shown["homes"] > 0
    assert shown["empty"] == 0
    assert counts(recorded) == {}
    assert "phoenix-otel-collection-stats" not in [thread.name for thread in threading.enumerate()]


def test_collections_of_one_name_are_told_apart(recorded: RecordedMetrics, mongo: MongoServer) -> None:
    fill(mongo, "app.homes", 3)
    fill(mongo, "archive.homes", 8)
    reader = CollectionStatsReader(recorded.collector, mongo.uri, ["app.homes", "archive.homes"], interval=60)
    reader.start()
    eventually(lambda: counts(recorded) == {"app.homes": 3, "archive.homes": 8})
    reader.stop(timeout=5)


def test_off_by_default(recorded: RecordedMetrics, mongo: MongoServer) -> None:
    reader = CollectionStatsReader(recorded.collector, mongo.uri, ["app.homes"])
    reader.start()
    assert "phoenix-otel-collection-stats" not in [thread.name for thread in threading.enumerate()]
    reader.stop(timeout=1)


@pytest.mark.parametrize("name", ["homes", "app.", ".homes", ""])
def test_collections_are_named_with_their_database(recorded: RecordedMetrics, name: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: database\.collection"):
        CollectionStatsReader(recorded.collector, "mongodb://127.0.0.1/", [name])


def test_its_own_work_is_not_counted_as_the_programs(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    fill(mongo, "app.homes", 3)
    before, opened = queries(pymongo_recorded), pymongo_recorded.value(OPENED)
    reader = CollectionStatsReader(pymongo_recorded.collector, mongo.uri, ["app.homes"], interval=0.02, time_limit=1)
    reader.start()
    eventually(lambda: counts(pymongo_recorded) == {"homes": 3})
    mongo.kill()
    eventually(lambda: counts(pymongo_recorded) == {})
    reader.stop(timeout=10)

    assert queries(pymongo_recorded) == before
    assert pymongo_recorded.value(OPENED) == opened
    assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}
    assert errors(pymongo_recorded) == {}


def test_outage_is_one_line_without_the_uri_and_has_an_end(
    recorded: RecordedMetrics, mongo: MongoServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="phoenix_otel")
    fill(mongo, "app.homes", 3)
    uri = f"mongodb://planted-user:planted-password@{mongo.name}/?authSource=admin&authMechanism=PLAIN"
    reader = CollectionStatsReader(recorded.collector, uri, ["app.homes"], interval=0.02, time_limit=0.3)
    reader.start()
    eventually(lambda: counts(recorded) == {"homes": 3})
    mongo.kill()
    eventually(lambda: "cannot be read" in caplog.text)
    assert counts(recorded) == {}
    mongo.start()
    eventually(lambda: counts(recorded) == {"homes": 3})
    reader.stop(timeout=5)

    lines = [record.getMessage() for record in caplog.records if record.name == "phoenix_otel"]
    assert len(lines) == 2
    assert lines[0].startswith("phoenix_otel: statistics of collection homes cannot be read: ")
    assert lines[1] == "phoenix_otel: statistics of collection homes can be read again"
    assert "planted" not in caplog.text


def test_factory_that_fails(recorded: RecordedMetrics, caplog: pytest.LogCaptureFixture) -> None:
    called = threading.Event()

    def connect() -> Client:
        called.set()
        raise RuntimeError("planted-password")

    factory: Callable[[], Client] = connect
    reader = CollectionStatsReader(recorded.collector, factory, ["app.homes"], interval=60)
    reader.start()
    assert called.wait(timeout=5)
    eventually(lambda: "cannot be read: RuntimeError" in caplog.text)
    reader.stop(timeout=5)
    assert "planted-password" not in caplog.text
