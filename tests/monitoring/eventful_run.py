"""A demo run in which everything happens that an alert is about, watched by a real Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import async_playwright

from phoenix_otel.catalog import http_client
from phoenix_otel.demo.numbers import Numbers
from phoenix_otel.demo.run import World
from phoenix_otel.environment_variables import OTEL_EXPORTER_OTLP_ENDPOINT
from phoenix_otel.generate.alerts import ALERTS
from phoenix_otel.generate.files import export_prometheus_config
from phoenix_otel.instrumentation.aiohttp_client import AiohttpClientInstrumentor
from phoenix_otel.instrumentation.playwright import PlaywrightInstrumentor
from phoenix_otel.instrumentation.pymongo import PymongoInstrumentor
from tests.monitoring.pager import in_seconds
from tests.monitoring.running_demo import running_demo
from tests.stack.mongo import MongoServer, ferretdb_binary
from tests.stack.otelcol import CollectorServer, loopback_options
from tests.stack.process import free_port, running
from tests.stack.prometheus import PrometheusServer
from tests.stack.sinks import eventually

WITHIN: Final = 60.0
BROWSED: Final = http_client.BROWSER_REQUESTS.prometheus_name

# what a short run on loopback cannot bring about fires earlier; all else keeps its threshold
_LOWERED: Final[dict[str, dict[str, Any]]] = {
    "HighMemoryUsage": {"threshold": 0.1},
    "SessionAgeTooOld": {"threshold": "1s"},
    "SlowDatabaseQueries": {"threshold": "1ms"},
    "SlowResponseTime": {"threshold": "50ms"},
    "NoPropertiesScraped": {"window": "6s"},
}


@dataclass
class EventfulRun:
    """What is left of it: a Prometheus, a moment when all was well again, and the alerts that had fired by the end."""

    prometheus: PrometheusServer
    well_at: float
    fired: set[str]


async def eventful_run(directory: Path, chromium: str, stack: ExitStack) -> EventfulRun:
    """Run the demo with its HTTP and MongoDB clients and a browser instrumented, and let things go wrong one by one.

    It is scraped, and pushes to a Collector that nobody asks.
    """
    configuration, port = directory / "configuration", free_port()
    options = loopback_options(directory)
    config = in_seconds(targets=(f"127.0.0.1:{port}",), tuned=_LOWERED, collector=options)
    export_prometheus_config(configuration, config)
    collector = CollectorServer(configuration / "otel-collector.yaml", options, directory)
    stack.enter_context(running(collector))
    stack.enter_context(pytest.MonkeyPatch.context()).setenv(OTEL_EXPORTER_OTLP_ENDPOINT, collector.http)
    prometheus = stack.enter_context(running(PrometheusServer(configuration, directory)))
    mongo = stack.enter_context(running(MongoServer(ferretdb_binary(), directory)))
    for instrumentor in (AiohttpClientInstrumentor(), PymongoInstrumentor(), PlaywrightInstrumentor()):
        _instrumented(instrumentor, stack)

    async with running_demo(port, faults=True, mongo_uri=mongo.uri) as world:
        await _things_go_wrong(world, mongo, prometheus)
        for _ in range(2):  # a rate does not see the event that begins a series
            await _browse(world, chromium)
            scraped = f"timestamp({BROWSED}) > {time.time()}"
            await _until(prometheus, partial(prometheus.query, scraped))
        await _all_is_well(prometheus)
        well_at = time.time()
    await _fires(prometheus, "ScraperNotResponding")
    return EventfulRun(prometheus, well_at, _have_fired(prometheus))


def _instrumented(instrumentor: BaseInstrumentor, stack: ExitStack) -> None:
    instrumentor.instrument()
    stack.callback(instrumentor.uninstrument)


async def _things_go_wrong(world: World, mongo: MongoServer, prometheus: PrometheusServer) -> None:
    await _fires(prometheus, *_LOWERED.keys() - {"NoPropertiesScraped"}, "HighRateLimitHits")

    await asyncio.to_thread(mongo.kill)
    await _fires(prometheus, "DatabaseConnectionFailures")
    await asyncio.to_thread(mongo.start)

    _set_down(world.proxies[:3], True)
    await _fires(prometheus, "LowHealthyProxyCount", "HighProxyFailureRate")
    _set_down(world.proxies, True)
    await _fires(prometheus, "NoHealthyProxies", "NoPropertiesScraped")
    _set_down(world.proxies, False)

    await _until(prometheus, lambda: len(world.manager.available_ids()) == len(world.proxies))
    world.site.locked = True
    await _fires(prometheus, "HighScrapingFailureRate", "ScrapingSuccessRateLow", "SessionExpired")
    world.site.locked = False


def _set_down(proxies: Iterable[Any], down: bool) -> None:
    for proxy in proxies:
        proxy.down = down


async def _browse(world: World, chromium: str) -> None:
    """Look at pages as a browser does, one of which is not there; follow a redirect and look up a name with aiohttp."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = await browser.new_page()
        before = _received(world)
        await page.goto(f"{world.site.url}/health")
        # the browser is asked for sizes after the page has come, and answers as long as it is open
        await eventually(lambda: _received(world) > before, WITHIN, lambda: before)
        with contextlib.suppress(PlaywrightError):
            await page.goto(f"http://127.0.0.1:{free_port()}/")
        await browser.close()
    async with aiohttp.ClientSession() as session, session.get(f"{world.site.url}/search/85001") as redirected:
        await redirected.read()
    async with aiohttp.ClientSession() as session:
        local = world.site.url.replace("127.0.0.1", "localhost")
        async with session.get(f"{local}/health") as looked_up:
            await looked_up.read()


def _received(world: World) -> float:
    return Numbers(world.telemetry.stats()).total(http_client.BROWSER_RECEIVED.prometheus_name)


async def _all_is_well(prometheus: PrometheusServer) -> None:
    severe = {"HighScrapingFailureRate", "NoHealthyProxies", "DatabaseConnectionFailures", "NoPropertiesScraped"}
    await _until(prometheus, lambda: not severe & prometheus.firing())


async def _fires(prometheus: PrometheusServer, *names: str) -> None:
    assert set(names) <= set(ALERTS)
    await _until(prometheus, lambda: set(names) <= _have_fired(prometheus))


def _have_fired(prometheus: PrometheusServer) -> set[str]:
    ever = prometheus.query('count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[10m]))')
    return {sample.labels["alertname"] for sample in ever}


async def _until(prometheus: PrometheusServer, condition: Callable[[], object]) -> None:
    await eventually(condition, WITHIN, lambda: {"fired": _have_fired(prometheus), "now": prometheus.alerts()})
