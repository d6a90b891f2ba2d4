"""Where the scraped listings go; the store reports every query to phoenix_otel itself."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from phoenix_otel import get_metrics_collector
from phoenix_otel.demo.scraper import Property

COLLECTION: Final = "properties"

_log = logging.getLogger(__name__)


class StorageError(Exception):
    """The database did not do what it was asked; kind is the class name of the driver's exception."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Collection(Protocol):
    """What the store needs of a database; each method raises StorageError."""

    @property
    def connections(self) -> int:
        """Connections open now."""
        ...

    async def upsert(self, listings: Sequence[Property]) -> int:
        """Inserts or replaces by URL; returns how many documents that were."""
        ...

    async def count(self, zipcode: str) -> int:
        """How many listings of the zipcode there are."""
        ...

    async def size(self) -> tuple[int, int]:
        """The collection's size in bytes and in documents."""
        ...

    async def close(self) -> None:
        """Gives the connections back."""
        ...


class MemoryCollection:
    """A collection in this process; it counts as one connection."""

    connections = 1

    def __init__(self) -> None:
        self._documents: dict[str, Property] = {}

    async def upsert(self, listings: Sequence[Property]) -> int:
        self._documents.update((listing["url"], listing) for listing in listings)
        return len(listings)

    async def count(self, zipcode: str) -> int:
        return sum(document["zipcode"] == zipcode for document in self._documents.values())

    async def size(self) -> tuple[int, int]:
        return sum(len(document["raw_html"].encode()) for document in self._documents.values()), len(self._documents)

    async def close(self) -> None:
        self._documents.clear()


class PropertyStore:
    """The listings, in MongoDB or in memory; the counters are its own, kept apart from telemetry.

    queries: by operation and status. documents: by operation. connection_errors: by kind.
    """

    def __init__(self, collection: Collection, description: str) -> None:
        self.description = description
        self.queries: Counter[tuple[str, str]] = Counter()
        self.documents: Counter[str] = Counter()
        self.connection_errors: Counter[str] = Counter()
        self._collection = collection

    async def save(self, listings: Sequence[Property]) -> None:
        """Stores the listings; a database that fails is logged and costs only these."""
        try:
            async with self._query("update"):
                written = await self._collection.upsert(listings)
        except StorageError as error:
            _log.warning("%d listings not stored: %s", len(listings), error.kind)
            return
        self.documents["update"] += written
        get_metrics_collector().database.record_documents("update", COLLECTION, written)

    async def report(self, zipcode: str) -> None:
        """Counts the zipcode's listings and publishes the collection's size."""
        database = get_metrics_collector().database
        database.set_active_connections(self._collection.connections)
        try:
            async with self._query("count"):
                known = await self._collection.count(zipcode)
            async with self._query("stats"):
                size_bytes, documents = await self._collection.size()
        except StorageError as error:
            _log.warning("collection not measured: %s", error.kind)
            return
        _log.debug("%s: %d listings", zipcode, known)
        database.set_collection_stats(COLLECTION, size_bytes, documents)

    def note_connection_error(self, kind: str) -> None:
        """Counts a connection that could not be had."""
        self.connection_errors[kind] += 1
        get_metrics_collector().database.record_connection_error(kind)

    async def close(self) -> None:
        """Gives the connections back."""
        await self._collection.close()
        get_metrics_collector().database.set_active_connections(0)

    @asynccontextmanager
    async def _query(self, operation: str) -> AsyncIterator[None]:
        status = "failed"
        try:
            async with get_metrics_collector().database.time_query(operation, COLLECTION):
                yield
            status = "success"
        finally:
            self.queries[operation, status] += 1


@asynccontextmanager
async def open_store(mongo_uri: str | None) -> AsyncIterator[PropertyStore]:
    """The store while the block runs: in MongoDB when it answers within 2 s, else in memory."""
    store = await _connect(mongo_uri) if mongo_uri else PropertyStore(MemoryCollection(), "in memory")
    try:
        yield store
    finally:
        await store.close()


async def _connect(mongo_uri: str) -> PropertyStore:
    from phoenix_otel.demo.mongo import MongoCollection

    try:
        collection = await MongoCollection.connect(mongo_uri)
    except StorageError as error:
        store = PropertyStore(MemoryCollection(), f"in memory (MongoDB did not answer: {error.kind})")
        store.note_connection_error(error.kind)
        return store
    return PropertyStore(collection, f"in MongoDB at {collection.address}")
