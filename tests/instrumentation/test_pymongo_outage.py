"""The server is killed while the program works: what breaks is counted, the program goes on, counts come back true."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError, WaitQueueTimeoutError

from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.mongo_numbers import connections, documents, errors, eventually, queries, sockets
from tests.stack.mongo import MongoServer

Client = MongoClient[dict[str, Any]]
FAST: dict[str, Any] = {
    "heartbeatFrequencyMS": 500,
    "serverSelectionTimeoutMS": 1500,
    "retryReads": False,
    "retryWrites": False,
}
MONITOR = 1
TYPES = {"connection_lost", "connect_failed", "server_unreachable"}


def test_idle_client_counts_one_outage_however_long(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    with Client(mongo.uri, **FAST) as client:
        client.app.homes.insert_one({"_id": 1})
        assert errors(pymongo_recorded) == {}

        mongo.kill()
        eventually(lambda: errors(pymongo_recorded) == {"server_unreachable": 1})
        eventually(lambda: connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0})
        with pytest.raises(ServerSelectionTimeoutError):
            client.app.homes.find_one({})
        assert errors(pymongo_recorded) == {"server_unreachable": 1}

        mongo.start()
        assert client.app.homes.find_one({}) == {"_id": 1}
        assert connections(pymongo_recorded) == {"active": 1, "idle": 1, "used": 0}

        mongo.kill()
        eventually(lambda: errors(pymongo_recorded) == {"server_unreachable": 2})
    assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}


def test_busy_program_goes_on_and_counts_return_to_the_truth(
    pymongo_recorded: RecordedMetrics, mongo: MongoServer
) -> None:
    stop = threading.Event()
    written = [0] * 4
    failures = [0] * 4

    def work(client: Client, number: int) -> None:
        while not stop.is_set():
            try:
                client.app.homes.insert_one({"worker": number, "n": written[number]})
                written[number] += 1
            except (AutoReconnect, ServerSelectionTimeoutError):
                failures[number] += 1

    with Client(mongo.uri, **FAST) as client:
        threads = [threading.Thread(target=work, args=(client, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        eventually(lambda: min(written) >= 20)
        mongo.kill()
        eventually(lambda: sum(failures) > 0 and sum(errors(pymongo_recorded).values()) > 0)
        at_loss = list(written)
        mongo.start()
        eventually(lambda: all(now > then + 20 for now, then in zip(written, at_loss, strict=True)))
        stop.set()
        for thread in threads:
            thread.join(timeout=20)

        counted = queries(pymongo_recorded)
        open_now = connections(pymongo_recorded)
        assert counted["insert", "homes", "success"] == sum(written)
        assert documents(pymongo_recorded) == {("insert", "homes"): sum(written)}
        assert 0 < counted["insert", "homes", "failed"] <= sum(failures)
        assert errors(pymongo_recorded).keys() <= TYPES
        eventually(lambda: errors(pymongo_recorded).get("server_unreachable") == 1)
        assert open_now["used"] == 0
        assert 1 <= open_now["active"] == open_now["idle"] <= 4
        eventually(lambda: sockets(mongo) == open_now["active"] + MONITOR)
    assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}


def test_client_of_a_server_that_never_was(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    mongo.kill()
    with Client(mongo.uri, **{**FAST, "serverSelectionTimeoutMS": 1200}) as client:
        with pytest.raises(ServerSelectionTimeoutError):
            client.app.homes.find_one({})
        assert errors(pymongo_recorded) == {"server_unreachable": 1}
        assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}


def test_wait_for_a_connection_in_vain(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    with Client(mongo.uri, maxPoolSize=1, waitQueueTimeoutMS=50, retryReads=False) as client:
        client.app.homes.insert_one({"_id": 1})
        mongo.pause()
        slow = threading.Thread(target=client.app.homes.find_one, args=({},))
        slow.start()
        eventually(lambda: connections(pymongo_recorded)["used"] == 1)
        with pytest.raises(WaitQueueTimeoutError):
            client.app.homes.find_one({})
        seen = connections(pymongo_recorded)
        mongo.resume()
        slow.join(timeout=20)

        assert seen == {"active": 1, "idle": 0, "used": 1}
        assert errors(pymongo_recorded) == {"checkout_timeout": 1}
        assert pymongo_recorded.value("db_client_connection_timeouts_total") == 1
        assert client.app.homes.find_one({}) == {"_id": 1}
        assert connections(pymongo_recorded) == {"active": 1, "idle": 1, "used": 0}


def test_connection_that_broke(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    with Client(mongo.uri, **{**FAST, "heartbeatFrequencyMS": 60_000}) as client:
        client.admin.command("ping")
        connected = connections(pymongo_recorded)
        mongo.kill()
        with pytest.raises(AutoReconnect):
            client.app.homes.find_one({})
        assert connected == {"active": 1, "idle": 1, "used": 0}
        assert errors(pymongo_recorded)["connection_lost"] == 1
        eventually(lambda: errors(pymongo_recorded).get("server_unreachable") == 1)
        assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}
        assert queries(pymongo_recorded) == {("find", "homes", "failed"): 1}


def test_connection_that_cannot_be_opened(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    with Client(mongo.uri, **{**FAST, "heartbeatFrequencyMS": 60_000}) as client:
        assert client.is_primary
        mongo.kill()
        with pytest.raises(AutoReconnect):
            client.app.homes.find_one({})
        assert errors(pymongo_recorded)["connect_failed"] == 1
        assert "connection_lost" not in errors(pymongo_recorded)
        assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}
        assert queries(pymongo_recorded) == {}


async def test_asyncio_client(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongo.uri, **FAST) as client:
        await client.app.homes.insert_one({"_id": 1})
        mongo.kill()
        with pytest.raises((AutoReconnect, ServerSelectionTimeoutError)):
            await client.app.homes.find_one({})
        assert sum(errors(pymongo_recorded).values()) >= 1
        mongo.start()
        assert await client.app.homes.find_one({}) == {"_id": 1}
        assert connections(pymongo_recorded) == {"active": 1, "idle": 1, "used": 0}
    assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}
