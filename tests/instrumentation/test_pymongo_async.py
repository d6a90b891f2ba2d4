"""AsyncMongoClient and Motor: the same listeners, the same counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.mongo_numbers import connections, documents, eventually, queries
from tests.stack.mongo import MongoServer

KINDS = ("asyncio", "motor")


def make(kind: str, uri: str) -> Any:
    if kind == "asyncio":
        return AsyncMongoClient[dict[str, Any]](uri)
    return pytest.importorskip("motor.motor_asyncio").AsyncIOMotorClient(uri)


@pytest.fixture(params=KINDS)
async def client(
    request: pytest.FixtureRequest, pymongo_recorded: RecordedMetrics, mongo: MongoServer
) -> AsyncIterator[Any]:
    made = make(request.param, mongo.uri)
    yield made
    closing = made.close()
    if closing is not None:
        await closing
    assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}


async def test_reads_and_writes(client: Any, pymongo_recorded: RecordedMetrics) -> None:
    homes = client.app.homes
    await homes.insert_many([{"_id": number} for number in range(12)])
    assert [home["_id"] async for home in homes.find(batch_size=5)] == list(range(12))
    await homes.update_many({"_id": {"$lt": 3}}, {"$set": {"sold": True}})
    with pytest.raises(BulkWriteError):
        await homes.bulk_write([InsertOne({"_id": 1}), UpdateOne({"_id": 30}, {"$set": {"a": 1}}, True)], ordered=False)
    await homes.delete_many({"_id": {"$gte": 10}})
    assert await homes.count_documents({}) == 10

    assert documents(pymongo_recorded) == {
        ("insert", "homes"): 12,
        ("find", "homes"): 5,
        ("getMore", "homes"): 7,
        ("update", "homes"): 3 + 1,
        ("delete", "homes"): 3,
        ("aggregate", "homes"): 1,
    }
    assert queries(pymongo_recorded) == {
        ("insert", "homes", "success"): 1,
        ("insert", "homes", "failed"): 1,
        ("find", "homes", "success"): 1,
        ("getMore", "homes", "success"): 2,
        ("update", "homes", "success"): 2,
        ("delete", "homes", "success"): 1,
        ("aggregate", "homes", "success"): 1,
    }


async def test_many_at_once(client: Any, pymongo_recorded: RecordedMetrics) -> None:
    homes = client.app.homes
    await asyncio.gather(*(homes.insert_one({"_id": number}) for number in range(40)))

    seen = connections(pymongo_recorded)
    assert documents(pymongo_recorded) == {("insert", "homes"): 40}
    assert seen["used"] == 0
    assert 1 <= seen["active"] == seen["idle"] <= 40


async def test_cancelled_command_leaves_nothing_open(pymongo_recorded: RecordedMetrics, mongo: MongoServer) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongo.uri) as client:
        await client.app.homes.insert_one({"_id": 1})
        mongo.pause()
        slow = asyncio.create_task(client.app.homes.find_one({}))
        await asyncio.to_thread(eventually, lambda: connections(pymongo_recorded)["used"] == 1)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        mongo.resume()

        assert connections(pymongo_recorded) == {"active": 0, "idle": 0, "used": 0}
        assert await client.app.homes.find_one({}) == {"_id": 1}
        assert queries(pymongo_recorded) == {("insert", "homes", "success"): 1, ("find", "homes", "success"): 1}
        assert connections(pymongo_recorded) == {"active": 1, "idle": 1, "used": 0}
