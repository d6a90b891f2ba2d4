"""pymongo against a real server: every count is held against what the test itself did."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import bson
import pytest
from pymongo import DeleteOne, InsertOne, MongoClient, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from phoenix_otel.catalog import database
from phoenix_otel.instrumentation.default_collector import provide
from phoenix_otel.instrumentation.pymongo import PymongoInstrumentor
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.mongo_numbers import connections, documents, queries, sockets
from tests.stack.mongo import MongoServer

Client = MongoClient[dict[str, Any]]


@pytest.fixture
def client(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> Iterator[Client]:
    with Client(mongo.uri, serverSelectionTimeoutMS=5000) as made:
        yield made


def numbered(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"_id": number, "price": number * 100} for number in range(start, start + count)]


def about_the_database(recorded: RecordedMetrics) -> dict[str, list[Any]]:
    families = recorded.families()
    return {family.name: family.samples for family in families if family.name.startswith(("database_", "db_"))}


def test_reads_count_every_document_the_server_has_sent(client: Client, pymongo_recorded: RecordedMetrics) -> None:
    homes = client.app.homes
    homes.insert_many(numbered(25))
    assert len(list(homes.find(batch_size=10))) == 25
    assert homes.find_one({"_id": 3}) is not None
    assert homes.find_one({"_id": 999}) is None
    assert len(list(homes.aggregate([{"$match": {"_id": {"$lt": 7}}}]))) == 7

    assert queries(pymongo_recorded) == {
        ("insert", "homes", "success"): 1,
        ("find", "homes", "success"): 3,
        ("getMore", "homes", "success"): 2,
        ("aggregate", "homes", "success"): 1,
    }
    assert documents(pymongo_recorded) == {
        ("insert", "homes"): 25,
        ("find", "homes"): 10 + 1,
        ("getMore", "homes"): 15,
        ("aggregate", "homes"): 7,
    }


def test_writes_count_what_the_server_has_changed(client: Client, pymongo_recorded: RecordedMetrics) -> None:
    homes = client.app.homes
    homes.insert_one({"_id": 0, "price": 1})
    homes.insert_many(numbered(9, start=1))
    assert homes.update_many({"_id": {"$lt": 4}}, {"$set": {"sold": True}}).modified_count == 4
    assert homes.update_many({"_id": {"$lt": 4}}, {"$set": {"sold": True}}).modified_count == 0
    assert homes.replace_one({"_id": 50}, {"price": 2}, upsert=True).upserted_id == 50
    assert homes.find_one_and_update({"_id": 1}, {"$set": {"sold": False}}) is not None
    assert homes.find_one_and_update({"_id": 77}, {"$set": {"sold": False}}) is None
    assert homes.find_one_and_update({"_id": 60}, {"$set": {"sold": False}}, upsert=True) is None
    assert homes.find_one_and_delete({"_id": 2}) is not None
    assert homes.delete_many({"_id": {"$gt": 6}}).deleted_count == 5

    assert documents(pymongo_recorded) == {
        ("insert", "homes"): 10,
        ("update", "homes"): 4 + 0 + 1,
        ("findAndModify", "homes"): 1 + 0 + 1 + 1,
        ("delete", "homes"): 5,
    }
    assert queries(pymongo_recorded) == {
        ("insert", "homes", "success"): 2,
        ("update", "homes", "success"): 3,
        ("findAndModify", "homes", "success"): 4,
        ("delete", "homes", "success"): 1,
    }


def test_unordered_bulk_write_counts_what_went_through(client: Client, pymongo_recorded: RecordedMetrics) -> None:
    homes = client.app.homes
    homes.insert_many(numbered(3))
    writes: list[InsertOne[dict[str, Any]] | UpdateOne | ReplaceOne[dict[str, Any]] | DeleteOne] = [
        InsertOne({"_id": 1}),
        InsertOne({"_id": 10}),
        InsertOne({"_id": 2}),
        InsertOne({"_id": 11}),
        UpdateOne({"_id": 0}, {"$set": {"price": 7}}),
        ReplaceOne({"_id": 20}, {"price": 8}, upsert=True),
        DeleteOne({"_id": 1}),
        DeleteOne({"_id": 99}),
    ]
    with pytest.raises(BulkWriteError):
        homes.bulk_write(writes, ordered=False)
    with pytest.raises(DuplicateKeyError):
        homes.insert_one({"_id": 10})

    assert homes.count_documents({}) == 3 + 2 + 1 - 1
    assert documents(pymongo_recorded) == {
        ("insert", "homes"): 3 + 2,
        ("update", "homes"): 1 + 1,
        ("delete", "homes"): 1,
        ("aggregate", "homes"): 1,
    }
    assert queries(pymongo_recorded) == {
        ("insert", "homes", "success"): 1,
        ("insert", "homes", "failed"): 2,
        ("update", "homes", "success"): 1,
        ("delete", "homes", "success"): 1,
        ("aggregate", "homes", "success"): 1,
    }


def test_counting_raw_batches_and_refusals(client: Client, pymongo_recorded: RecordedMetrics) -> None:
    homes = client.app.homes
    homes.insert_many(numbered(7))
    batches: list[Any] = list(homes.find_raw_batches(batch_size=5))
    assert [len(bson.decode_all(batch)) for batch in batches] == [5, 2]
    assert homes.estimated_document_count() == 7
    assert len(homes.distinct("price")) == 7
    with pytest.raises(OperationFailure):
        list(homes.find({"$nonsense": 1}))
    client.app.list_collection_names()
    client.admin.command("ping")

    assert queries(pymongo_recorded) == {
        ("insert", "homes", "success"): 1,
        ("find", "homes", "success"): 1,
        ("getMore", "homes", "success"): 1,
        ("count", "homes", "success"): 1,
        ("distinct", "homes", "success"): 1,
        ("find", "homes", "failed"): 1,
        ("listCollections", "none", "success"): 1,
    }
    assert documents(pymongo_recorded) == {
        ("insert", "homes"): 7,
        ("find", "homes"): 5,
        ("getMore", "homes"): 2,
    }


def test_each_query_is_timed_once(client: Client, pymongo_recorded: RecordedMetrics) -> None:
    for _ in range(5):
        client.app.homes.find_one({})

    labels = {"operation": "find", "collection": "homes"}
    assert pymongo_recorded.value("database_query_duration_seconds_count", **labels) == 5
    assert 0 < pymongo_recorded.value("database_query_duration_seconds_sum", **labels) < 5


def test_pools_of_two_clients_add_up_and_go(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    with Client(mongo.uri, maxPoolSize=3) as first, Client(mongo.uri, maxPoolSize=4) as second:
        first.app.homes.insert_many(numbered(4))
        second.app.homes.find_one({})
        assert connections(pymongo_recorded) == {"active": 2, "idle": 2, "used": 0}
        pool = {"db_client_connection_pool_name": mongo.name}
        assert pymongo_recorded.value("db_client_connection_max", **pool) == 7
        for name, count in {"wait": 2, "use": 2, "create": 2}.items():
            assert pymongo_recorded.value(f"db_client_connection_{name}_time_seconds_count", **pool) == count
            assert 0 < pymongo_recorded.value(f"db_client_connection_{name}_time_seconds_sum", **pool) < 5
        second.close()
        assert connections(pymongo_recorded) == {"active": 1, "idle": 1, "used": 0}
        assert pymongo_recorded.value("db_client_connection_max", **pool) == 3
    assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}
    assert pymongo_recorded.samples("db_client_connection_max") == []


def test_clients_in_other_threads(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    all_connected = threading.Barrier(5)
    may_end = threading.Event()

    def work(number: int) -> None:
        with Client(mongo.uri) as own:
            for page in range(10):
                own.app[f"homes_{number}"].insert_one({"_id": page})
            all_connected.wait(timeout=30)
            may_end.wait(timeout=30)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    all_connected.wait(timeout=30)
    seen, open_sockets = connections(pymongo_recorded), sockets(mongo)
    may_end.set()
    for thread in threads:
        thread.join()

    assert seen == {"active": 4, "idle": 4, "used": 0}
    assert open_sockets == 4 + 4, "each client has one more, for its monitor"
    assert connections(pymongo_recorded)["active"] == 0
    assert documents(pymongo_recorded) == {("insert", f"homes_{number}"): 10 for number in range(4)}


def test_names_are_those_of_the_catalog(client: Client, pymongo_recorded: RecordedMetrics) -> None:
    client.app.homes.find_one({})
    pymongo_recorded.collector.database.pool.record_timeout("host:1")

    shown = {family.name + ("_total" if family.type == "counter" else "") for family in pymongo_recorded.families()}
    assert {metric.prometheus_name for metric in database.POOL_METRICS} <= shown


def test_uninstrument_is_silent_and_instrument_again_tells_the_truth(
    client: Client, pymongo_recorded: RecordedMetrics, mongo: MongoServer, caplog: pytest.LogCaptureFixture
) -> None:
    instrumentor = PymongoInstrumentor()
    client.app.homes.insert_one({"_id": 1})
    instrumentor.instrument(collector=pymongo_recorded.collector)
    assert "already instrumented" in caplog.text
    client.app.homes.insert_one({"_id": 2})
    assert queries(pymongo_recorded) == {("insert", "homes", "success"): 2}

    instrumentor.uninstrument()
    before = about_the_database(pymongo_recorded)
    client.app.homes.insert_one({"_id": 3})
    with Client(mongo.uri) as second:
        second.app.homes.find_one({})
        assert about_the_database(pymongo_recorded) == before
        assert pymongo_recorded.samples("database_connections_active") == []

        instrumentor.instrument(collector=pymongo_recorded.collector)
        assert connections(pymongo_recorded) == {"active": 2, "idle": 2, "used": 0}
    client.app.homes.insert_one({"_id": 4})
    assert queries(pymongo_recorded) == {("insert", "homes", "success"): 3}
    assert connections(pymongo_recorded) == {"active": 1, "idle": 1, "used": 0}


def test_the_process_collector_is_the_default(
    recorded: RecordedMetrics, mongo: MongoServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    provided: list[Any] = []
    monkeypatch.setattr("phoenix_otel.instrumentation.default_collector._provided", provided)
    instrumentor = PymongoInstrumentor()
    instrumentor.instrument()
    assert "nobody has said where to record" in caplog.text
    instrumentor.uninstrument()

    provide(lambda: recorded.collector)
    instrumentor.instrument()
    with Client(mongo.uri) as client:
        client.app.homes.find_one({})
    instrumentor.uninstrument()
    assert queries(recorded) == {("find", "homes", "success"): 1}


def test_planted_secrets_are_nowhere(
    pymongo_recorded: RecordedMetrics, mongo: MongoServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="phoenix_otel")
    secrets = ("planted-password", "planted-value", "planted-filter")
    uri = f"mongodb://planted-user:{secrets[0]}@{mongo.name}/?authSource=admin&authMechanism=PLAIN"
    with Client(uri) as client:
        client.app.homes.insert_one({"_id": secrets[1]})
        with pytest.raises(DuplicateKeyError):
            client.app.homes.insert_one({"_id": secrets[1]})
        assert list(client.app.homes.find({"note": secrets[2]})) == []
        with pytest.raises(OperationFailure):
            list(client.app.homes.find({"$" + secrets[2]: 1}))

    shown = repr(pymongo_recorded.families()) + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("phoenix_otel")
    )
    assert "database_queries" in shown
    assert not [secret for secret in (*secrets, "planted-user") if secret in shown]
