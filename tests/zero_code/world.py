"""The real servers that the scrapers work against, in a thread of the test's process, and what they have counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, Final

from pymongo import MongoClient

from phoenix_otel.demo.ground_truth import Evidence, Series, Truth, ground_truth
from phoenix_otel.demo.proxies import STEADY, ForwardProxy, Phase
from phoenix_otel.demo.site import ListingSite, SiteFaults
from tests.stack.mongo import MongoServer

PASSWORD: Final = "planted-proxy-password"
ANSWERED: Final = frozenset({200, 302, 401, 404, 429})
"""Statuses that the proxies pass on; 407 and 502 are their own, and 503 without a Via header is taken for theirs."""

_PROFILES: Final = {
    "steady": STEADY,
    "shaky": (Phase(5), Phase(1, "bad_gateway"), Phase(3), Phase(2, "drop")),
    "refusing": STEADY,
}
_START_WITHIN: Final = 10.0


@dataclass
class World:
    """A site and three proxies, of which one does not know the scraper's password."""

    site: ListingSite
    proxies: list[ForwardProxy]

    @property
    def proxy_urls(self) -> str:
        """The proxies as the scraper is told of them."""
        return " ".join(
            f"http://{proxy.address['username']}:{PASSWORD}@{proxy.address['host']}:{proxy.port}"
            for proxy in self.proxies
        )

    def truth(self, report: dict[str, Any], mongo: MongoServer, collection: str) -> Truth:
        """Return what the metrics of a whole run must say; `report` is what the scraper says of itself."""
        stored, again = stored_and_seen_again(mongo, collection)
        assert stored == report["read"]
        queries = {
            ("insert", "success"): stored,
            ("insert", "failed"): again,
            ("update", "success"): again,
            ("find", "success"): 1,
            ("getMore", "success"): stored // 5,
        }
        documents = {"insert": stored, "update": again, "find": 5, "getMore": stored - 5}
        truth = ground_truth(
            Evidence(
                site=self.site.journal,
                proxies={proxy.proxy_id: proxy.journal for proxy in self.proxies},
                throttled=report["waits"],
                collection=collection,
                queries=queries,
                documents=documents,
                connection_errors={"server_unreachable": 1},
            )
        )
        return truth | {"proxy_response_time_seconds_count": self._answers()}

    def _answers(self) -> list[Series]:
        """Count answers of the site by proxy: without health checks, without what proxies answer for themselves."""
        answers = Counter(
            proxy.proxy_id
            for proxy in self.proxies
            for entry in proxy.journal
            if entry.endpoint != "health" and entry.status in ANSWERED
        )
        return [{"labels": {"proxy_id": name}, "value": count} for name, count in answers.items()]


def stored_and_seen_again(mongo: MongoServer, collection: str) -> tuple[int, int]:
    """Ask the database how many listings it holds, and how often it was told of one that it held already."""
    with MongoClient[dict[str, Any]](mongo.uri) as client:
        seen = [listing["seen"] for listing in client["zero_code"][collection].find({})]
    return len(seen), sum(seen) - len(seen)


@contextmanager
def world_running(faults: SiteFaults | None = None) -> Iterator[World]:
    """Run everything for a block; without `faults` the site is patient and every proxy is as it should be."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    started: Future[World] = Future()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            site = await stack.enter_async_context(ListingSite(1, faults).running())
            proxies = []
            for name, profile in _PROFILES.items():
                password = f"not-{PASSWORD}" if faults and name == "refusing" else PASSWORD
                proxy = ForwardProxy(name, profile if faults else STEADY, f"user-{name}", password)
                proxies.append(await stack.enter_async_context(proxy.running()))
            started.set_result(World(site, proxies))
            await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)
        finally:
            loop.close()

    thread = Thread(target=run)
    thread.start()
    try:
        yield started.result(_START_WITHIN)
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join(_START_WITHIN)
