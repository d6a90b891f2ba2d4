"""The demo's listings in MongoDB, through pymongo's asyncio client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from pymongo import AsyncMongoClient, ReplaceOne
from pymongo.errors import PyMongoError
from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)

from phoenix_otel.demo.scraper import Property
from phoenix_otel.demo.storage import COLLECTION, StorageError

_DATABASE: Final = "phoenix_otel_demo"
_ANSWER_WITHIN_MS: Final = 2_000


class MongoCollection:
    """The collection `properties` of the database `phoenix_otel_demo`."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], pool: _OpenConnections, address: str) -> None:
        self.address = address
        self._client = client
        self._pool = pool
        self._documents = client[_DATABASE][COLLECTION]

    @classmethod
    async def connect(cls, uri: str) -> MongoCollection:
        """The collection, once the server has answered a ping; raises StorageError after 2 s."""
        pool = _OpenConnections()
        with _translated():
            client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
                uri,
                serverSelectionTimeoutMS=_ANSWER_WITHIN_MS,
                connectTimeoutMS=_ANSWER_WITHIN_MS,
                event_listeners=[pool],
            )
        try:
            with _translated():
                await client.admin.command("ping")
                host = await client.address
        except StorageError:
            await client.close()
            raise
        return cls(client, pool, ":".join(map(str, host)) if host else "several hosts")

    @property
    def connections(self) -> int:
        return self._pool.count

    async def upsert(self, listings: Sequence[Property]) -> int:
        writes = [ReplaceOne({"_id": _key(listing)}, _document(listing), upsert=True) for listing in listings]
        with _translated():
            result = await self._documents.bulk_write(writes)
        return result.upserted_count + result.matched_count

    async def count(self, zipcode: str) -> int:
        with _translated():
            return await self._documents.count_documents({"zipcode": zipcode})

    async def size(self) -> tuple[int, int]:
        with _translated():
            stats = await self._client[_DATABASE].command("collStats", COLLECTION)
        return int(stats["size"]), int(stats["count"])

    async def close(self) -> None:
        await self._client.close()


class _OpenConnections(ConnectionPoolListener):
    """Counts the connections that the driver's pools hold open."""

    def __init__(self) -> None:
        self.count = 0

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        self.count += 1

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        self.count -= 1

    def pool_created(self, event: PoolCreatedEvent) -> None: ...
    def pool_ready(self, event: PoolReadyEvent) -> None: ...
    def pool_cleared(self, event: PoolClearedEvent) -> None: ...
    def pool_closed(self, event: PoolClosedEvent) -> None: ...
    def connection_ready(self, event: ConnectionReadyEvent) -> None: ...
    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None: ...
    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None: ...
    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None: ...
    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None: ...


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PyMongoError as error:
        raise StorageError(type(error).__name__) from error


def _key(listing: Property) -> str:
    """The listing's path: the demo's site has another port in each run."""
    return urlsplit(listing["url"]).path


def _document(listing: Property) -> dict[str, Any]:
    stored = {name: value for name, value in listing.items() if name not in {"url", "raw_html"}}
    return stored | {"_id": _key(listing), "size_bytes": len(listing["raw_html"].encode())}
