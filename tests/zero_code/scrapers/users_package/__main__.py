"""python -m users_package SITE ZIPCODE ...; prints one line of JSON, and leaves when its standard input is closed."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from .scraper import PhoenixMLSScraper
from .storage import PropertyStorage


async def main(site: str, *zipcodes: str) -> None:
    storage = await PropertyStorage.connect(os.environ["MONGO_URIS"].split())
    scraper = PhoenixMLSScraper({"site": site, "storage": storage}, os.environ["PROXIES"].split())
    await scraper.proxy_manager.check_all_health()
    failed = 0
    for zipcode in zipcodes:
        found = await scraper.search_properties_by_zipcode(zipcode)
        results = await scraper.scrape_properties_batch([result["url"] for result in found])
        failed += sum(isinstance(result, Exception) for result in results)
    while not await scraper.maintain_session():
        continue
    report = {"waits": dict(scraper.rate_limiter.waits), "resting": scraper.proxy_manager.resting}
    report |= {"read": await storage.count(), "failed": failed, "stats": scraper.stats}
    print(json.dumps(report), flush=True)  # noqa: T201 - a program that prints
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await scraper.close()
    storage.close()


asyncio.run(main(*sys.argv[1:]))
