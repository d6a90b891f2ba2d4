"""What is read out of commands and replies, in the forms that only some servers and drivers use."""

from __future__ import annotations

from typing import Any

import bson
import pytest

from phoenix_otel.instrumentation.mongo_replies import NO_COLLECTION, collection_of, documents_of, is_refused

RAW = bson.encode({"_id": 1}) + bson.encode({"_id": 2, "note": "x" * 300}) + bson.encode({})


@pytest.mark.parametrize(
    ("name", "command", "collection"),
    [
        ("find", {"find": "homes", "filter": {"a": 1}}, "homes"),
        ("getMore", {"getMore": 12345, "collection": "homes"}, "homes"),
        ("getMore", {"getMore": 12345, "collection": "$cmd.listCollections"}, NO_COLLECTION),
        ("aggregate", {"aggregate": 1, "pipeline": []}, NO_COLLECTION),
        ("dbStats", {"dbStats": 1}, NO_COLLECTION),
        ("explain", {"explain": {"find": "homes"}}, NO_COLLECTION),
        ("createUser", {}, NO_COLLECTION),
        ("bulkWrite", {"bulkWrite": 1, "nsInfo": [{"ns": "app.homes"}]}, "homes"),
        ("bulkWrite", {"bulkWrite": 1, "nsInfo": [{"ns": "app.homes"}, {"ns": "app.agents"}]}, NO_COLLECTION),
    ],
)
def test_collection(name: str, command: dict[str, Any], collection: str) -> None:
    assert collection_of(name, command) == collection


@pytest.mark.parametrize(
    ("name", "reply", "count"),
    [
        ("find", {"cursor": {"firstBatch": [{}, {}]}}, 2),
        ("find", {"cursor": {"firstBatch": []}}, 0),
        ("getMore", {"cursor": {"nextBatch": [{}]}}, 1),
        ("find", {"cursor": {"firstBatch": [RAW]}}, 3),
        ("find", {"cursor": {"firstBatch": [b""]}}, 0),
        ("find", {"cursor": {"firstBatch": [b"\x00\x00\x00\x00\x00"]}}, 1),
        ("insert", {"n": 4, "writeErrors": [{"index": 4}]}, 4),
        ("insert", {"ok": 1}, 0),
        ("update", {"n": 3, "nModified": 2}, 2),
        ("update", {"n": 2, "nModified": 1, "upserted": [{"index": 0, "_id": 1}]}, 2),
        ("update", {"n": 3}, 3),
        ("delete", {"n": 5}, 5),
        ("findAndModify", {"lastErrorObject": {"n": 1}, "value": None}, 1),
        ("findAndModify", {"value": {"_id": 1}}, 1),
        ("findAndModify", {"value": None}, 0),
        ("bulkWrite", {"nInserted": 1, "nUpserted": 2, "nModified": 3, "nDeleted": 4, "nMatched": 9}, 10),
        ("count", {"n": 7}, 0),
        ("distinct", {"values": [1, 2]}, 0),
        ("listIndexes", {"cursor": {"firstBatch": [{}]}}, 0),
    ],
)
def test_documents(name: str, reply: dict[str, Any], count: int) -> None:
    assert documents_of(name, "homes", reply) == count


def test_documents_of_no_collection_are_none_but_those_of_a_bulk_write_over_several() -> None:
    assert documents_of("aggregate", NO_COLLECTION, {"cursor": {"firstBatch": [{}]}}) == 0
    assert documents_of("bulkWrite", NO_COLLECTION, {"nInserted": 2}) == 2


@pytest.mark.parametrize(
    ("reply", "refused"),
    [
        ({"ok": 1, "n": 1}, False),
        ({"ok": 1, "writeErrors": []}, False),
        ({"ok": 1, "writeErrors": [{"code": 11000}]}, True),
        ({"ok": 1, "writeConcernError": {"code": 64}}, True),
        ({"ok": 1, "nErrors": 1}, True),
    ],
)
def test_refused(reply: dict[str, Any], refused: bool) -> None:
    assert is_refused(reply) is refused
