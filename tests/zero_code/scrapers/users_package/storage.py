"""The listings, in MongoDB through Motor, at the first address that answers."""

from __future__ import annotations

from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import DuplicateKeyError, PyMongoError


class PropertyStorage:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._properties = client["zero_code"]["properties"]

    @classmethod
    async def connect(cls, uris: list[str]) -> PropertyStorage:
        for uri in uris:
            client: Any = AsyncIOMotorClient(uri, serverSelectionTimeoutMS=500)
            try:
                await client.admin.command("ping")
            except PyMongoError:
                client.close()
            else:
                return cls(client)
        raise SystemExit("no database")

    async def save(self, listing: dict[str, Any]) -> None:
        try:
            await self._properties.insert_one({"_id": listing["url"], "seen": 1})
        except DuplicateKeyError:
            await self._properties.update_one({"_id": listing["url"]}, {"$inc": {"seen": 1}})

    async def count(self) -> int:
        return len([listing async for listing in self._properties.find({}, batch_size=5)])

    def close(self) -> None:
        self._client.close()
