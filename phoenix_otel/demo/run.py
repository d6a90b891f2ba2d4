"""Runs the demo: site, proxies, scraper workers and telemetry, then the truth about them."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

import aiohttp

from phoenix_otel import Telemetry, configure_telemetry
from phoenix_otel.demo.errors import ScrapeError
from phoenix_otel.demo.ground_truth import Evidence, Truth, ground_truth
from phoenix_otel.demo.listings import ZIPCODES
from phoenix_otel.demo.proxies import DISTRUSTED, FAULTY_PROFILES, ForwardProxy, proxies_running
from phoenix_otel.demo.proxy_manager import ProxyManager
from phoenix_otel.demo.rate_limiter import SlidingWindowRateLimiter
from phoenix_otel.demo.scraper import DETAILS, SEARCH, ListingScraper
from phoenix_otel.demo.site import ListingSite, SiteFaults
from phoenix_otel.demo.storage import COLLECTION, PropertyStore, open_store

LABELS: Final = {"service": "phoenix_mls_demo"}
_REQUESTS_PER_SECOND: Final = {SEARCH: 4, DETAILS: 14}
_BATCH: Final = 3
_HEALTH_CHECK_EVERY: Final = 1.0
_COLLECTION_INTERVAL: Final = 2.0
# The demo's proxies end every request; giving up early, after Ctrl-Z say, would make the counts differ from theirs.
_NO_TIMEOUT: Final = None


def _new_passwords() -> tuple[str, ...]:
    return tuple(secrets.token_urlsafe(12) for _ in FAULTY_PROFILES)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to run the demo; duration in seconds, 0 until interrupted; port 0 is any free one."""

    duration: float = 60.0
    port: int = 9090
    faults: bool = True
    mongo_uri: str | None = None
    seed: int = 1
    workers: int = 4
    passwords: tuple[str, ...] = field(default_factory=_new_passwords, repr=False)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What a run has shown: its truth, and /metrics as it was after the last call."""

    url: str
    seconds: float
    storage: str
    faults: bool
    truth: Truth
    metrics: str


@dataclass(frozen=True, slots=True)
class World:
    """The running parts of the demo."""

    telemetry: Telemetry
    site: ListingSite
    proxies: list[ForwardProxy]
    manager: ProxyManager
    limiter: SlidingWindowRateLimiter
    store: PropertyStore
    options: DemoOptions
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long the demo has been running."""
        return time.monotonic() - self.started


Watch = Callable[[World], Awaitable[None]]
"""Shows the running demo until it is cancelled."""


async def run_demo(options: DemoOptions, watch: Watch | None = None, inspect: Watch | None = None) -> DemoReport:
    """Scrapes until the duration is over or the run is interrupted; every call begun is finished.

    watch shows the run while it goes on; inspect sees the world once more before it is taken down.
    """
    stop = asyncio.Event()
    async with _world(options) as world:
        with _interrupt_sets(stop):
            viewer = asyncio.ensure_future(watch(world)) if watch else None
            try:
                await _scrape(world, stop)
            finally:
                if viewer:
                    await _end(viewer)
        if inspect:
            await inspect(world)
        return DemoReport(
            url=world.telemetry.url,
            seconds=round(world.seconds, 3),
            storage=world.store.description,
            faults=options.faults,
            truth=ground_truth(_evidence(world), LABELS),
            metrics=await _metrics(world.telemetry.url),
        )


@asynccontextmanager
async def _world(options: DemoOptions) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        faults = SiteFaults(distrusted=DISTRUSTED) if options.faults else None
        site = await stack.enter_async_context(ListingSite(options.seed, faults).running())
        running = proxies_running(faults=options.faults, passwords=options.passwords)
        proxies = await stack.enter_async_context(running)
        telemetry = stack.enter_context(
            configure_telemetry(port=options.port, labels=LABELS, collection_interval=_COLLECTION_INTERVAL)
        )
        yield World(
            telemetry=telemetry,
            site=site,
            proxies=proxies,
            manager=ProxyManager(
                [proxy.address for proxy in proxies], f"{site.url}/health", health_timeout=_NO_TIMEOUT
            ),
            limiter=SlidingWindowRateLimiter(_REQUESTS_PER_SECOND),
            store=await stack.enter_async_context(open_store(options.mongo_uri)),
            options=options,
        )


async def _end(viewer: asyncio.Future[None]) -> None:
    viewer.cancel()
    try:
        await viewer
    except asyncio.CancelledError:
        pass


async def _scrape(world: World, stop: asyncio.Event) -> None:
    zipcodes = itertools.cycle(ZIPCODES)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_check_health(world.manager, stop))
        for _ in range(world.options.workers):
            tasks.create_task(_work(world, zipcodes, stop))
        await _set_within(stop, world.options.duration or None)
        stop.set()


async def _work(world: World, zipcodes: Iterator[str], stop: asyncio.Event) -> None:
    async with ListingScraper(world.site.url, world.manager, world.limiter, timeout=_NO_TIMEOUT) as scraper:
        while not stop.is_set():
            await _scrape_zipcode(scraper, world.store, next(zipcodes), stop)


async def _scrape_zipcode(scraper: ListingScraper, store: PropertyStore, zipcode: str, stop: asyncio.Event) -> None:
    try:
        found = await scraper.search_properties_by_zipcode(zipcode)
    except ScrapeError:
        return
    urls = [result["url"] for result in found]
    for start in range(0, len(urls), _BATCH):
        if stop.is_set():
            return
        if listings := await scraper.scrape_properties_batch(urls[start : start + _BATCH]):
            await store.save(listings)
    await store.report(zipcode)


async def _check_health(manager: ProxyManager, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await manager.check_all_health()
        await _set_within(stop, _HEALTH_CHECK_EVERY)


async def _set_within(event: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass


def _evidence(world: World) -> Evidence:
    return Evidence(
        site=world.site.journal,
        proxies={proxy.proxy_id: proxy.journal for proxy in world.proxies},
        throttled=world.limiter.throttled,
        collection=COLLECTION,
        queries=world.store.queries,
        documents=world.store.documents,
        connection_errors=world.store.connection_errors,
    )


async def _metrics(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        answer.raise_for_status()
        return await answer.text()


@contextmanager
def _interrupt_sets(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C sets the event, a second one interrupts at once."""
    loop = asyncio.get_running_loop()

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        loop.call_soon_threadsafe(stop.set)

    try:
        before = signal.signal(signal.SIGINT, on_interrupt)
    except ValueError:  # only the main thread receives signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
