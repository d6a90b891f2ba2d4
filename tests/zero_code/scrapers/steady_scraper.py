"""A scraper that never stops: three workers fetch a page and store a document each, whatever happens to the database.

usage: steady_scraper.py SITE MONGO_URI         It leaves when its standard input is closed, and says what it has done.
"""

import asyncio
import json
import sys
from typing import Any

import aiohttp
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

WORKERS = 3


async def main(site: str, uri: str) -> None:
    stop = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    done = {"fetched": 0, "stored": 0, "lost": 0}
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        uri, serverSelectionTimeoutMS=300, heartbeatFrequencyMS=500
    )

    async def work(http: aiohttp.ClientSession) -> None:
        while not stop.done():
            async with http.get(f"{site}/health") as page:
                done["fetched"] += page.status == 200
            try:
                await client["zero_code"]["pages"].insert_one({"n": done["fetched"]})
                done["stored"] += 1
            except PyMongoError:
                done["lost"] += 1

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(work(http) for _ in range(WORKERS)))
    await client.close()
    print(json.dumps(done))  # noqa: T201 - a program that prints


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
