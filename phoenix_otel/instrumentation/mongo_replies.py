"""What commands and replies of MongoDB say about collections and documents; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

NO_COLLECTION: Final = "none"
"""The attribute `collection` of commands that belong to no collection, or to several."""

HOUSEKEEPING: Final = frozenset(
    {
        "authenticate",
        "buildinfo",
        "endsessions",
        "getnonce",
        "hello",
        "ismaster",
        "killcursors",
        "killsessions",
        "logout",
        "ping",
        "refreshsessions",
        "saslcontinue",
        "saslstart",
        "startsession",
    }
)
"""Commands, in lower case, by which drivers open, keep up and clean up; they are no queries."""

Document = Mapping[str, Any]


def collection_of(name: str, command: Document) -> str:
    """Return the collection that a command works on."""
    given = command.get("collection" if name == "getMore" else name)
    if name == "bulkWrite":
        namespaces = {str(info.get("ns")) for info in command.get("nsInfo", ())}
        given = namespaces.pop().partition(".")[2] if len(namespaces) == 1 else None
    return given if isinstance(given, str) and given and not given.startswith("$cmd") else NO_COLLECTION


def documents_of(name: str, collection: str, reply: Document) -> int:
    """Return how many documents a command has read, written or deleted."""
    count = _DOCUMENTS.get(name)
    if count is None or (collection == NO_COLLECTION and name != "bulkWrite"):
        return 0
    return int(count(reply))


def is_refused(reply: Document) -> bool:
    """Tell whether the server answered, but did not do all that it was asked to: the program gets an exception."""
    return bool(reply.get("writeErrors") or reply.get("writeConcernError") or reply.get("nErrors"))


def _batch(reply: Document) -> int:
    """Count what a cursor brought; a raw batch is one piece of bytes with many documents in it."""
    cursor = reply.get("cursor", {})
    batch = cursor.get("nextBatch", cursor.get("firstBatch", ()))
    return sum(_documents_in(item) if isinstance(item, bytes) else 1 for item in batch)


def _documents_in(batch: bytes) -> int:
    """Count BSON documents that follow one another: each begins with its length, four bytes, little-endian."""
    count = position = 0
    while position + 4 < len(batch):
        position += max(5, int.from_bytes(batch[position : position + 4], "little"))
        count += 1
    return count


def _written_by_update(reply: Document) -> int:
    """Count what was changed or put in; a document that matched and already was as asked is not written."""
    return int(reply.get("nModified", reply.get("n", 0))) + len(reply.get("upserted", ()))


def _written_by_find_and_modify(reply: Document) -> int:
    """Count the one document; `value` is empty after an upsert that returns what was there before."""
    return int((reply.get("lastErrorObject") or {}).get("n", reply.get("value") is not None))


def _written_by_bulk_write(reply: Document) -> int:
    return sum(int(reply.get(key, 0)) for key in ("nInserted", "nUpserted", "nModified", "nDeleted"))


_DOCUMENTS: Final[Mapping[str, Callable[[Document], int]]] = {
    "find": _batch,
    "getMore": _batch,
    "aggregate": _batch,
    "insert": lambda reply: int(reply.get("n", 0)),
    "update": _written_by_update,
    "delete": lambda reply: int(reply.get("n", 0)),
    "findAndModify": _written_by_find_and_modify,
    "bulkWrite": _written_by_bulk_write,
}
