"""One demo, scraped and pushed at the same time: Prometheus has the same totals of both, also after an outage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from phoenix_otel.demo.run import DemoOptions, Watch, World, run_demo
from phoenix_otel.generate.files import export_prometheus_config
from tests.monitoring.pager import in_seconds
from tests.stack.otelcol import CollectorServer, loopback_options
from tests.stack.process import Server, free_port, running
from tests.stack.prometheus import PrometheusServer
from tests.stack.sinks import eventually

AGENT = "otel-collector.yaml"
GATEWAY = "gateway.yaml"
OUTAGE = 30.0
PUSHED_EVERY = 2.0
WITHIN = 60.0
FEWEST_SERIES = 200
TOTALS = (
    '{job="phoenix_scraper",__name__=~".+_(total|count|sum|bucket)",__name__!~"system_.+|.+_(healthy|total)_count"}'
)
"""Counters and histograms; what the host counts goes on between two readings, and gauges are no totals."""

Totals = dict[tuple[tuple[str, str], ...], float]


@dataclass
class Servers:
    """A Prometheus, and the Collector that it gets pushed series from."""

    prometheus: PrometheusServer
    collector: CollectorServer
    port: int

    @property
    def scraped(self) -> str:
        return f"127.0.0.1:{self.port}"

    def totals(self) -> tuple[Totals, Totals]:
        """Return what it has of the scraped and of the pushed demo, by all labels but the instance."""
        scraped: Totals = {}
        pushed: Totals = {}
        for labels, value in self.prometheus.query(TOTALS):
            side = scraped if labels["instance"] == self.scraped else pushed
            side[_key(dict(labels))] = value
        return scraped, pushed


def differing(scraped: Totals, pushed: Totals) -> list[str]:
    """Return a line for each series that is not in both with the same value."""
    return [
        f"{key}: scraped {scraped.get(key)}, pushed {pushed.get(key)}"
        for key in sorted(scraped.keys() | pushed.keys())
        if scraped.get(key) != pushed.get(key)
    ]


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    del labels["instance"]
    if "le" in labels:  # before Prometheus 3, `1` and `1.0` are two labels
        labels["le"] = str(float(labels["le"]))
    return tuple(sorted(labels.items()))


@contextmanager
def serving(directory: Path, file: str, **given: Any) -> Iterator[Servers]:
    """Run Prometheus and a Collector with one of our files; `given` are options of the Collector."""
    configuration, port = directory / "configuration", free_port()
    prometheus = PrometheusServer(configuration, directory)
    options = loopback_options(directory, remote_write=f"{prometheus.url}/api/v1/write", **given)
    scraped_too = (options.prometheus,) if file == AGENT else ()
    config = in_seconds(targets=(f"127.0.0.1:{port}",), collectors=scraped_too, collector=options)
    export_prometheus_config(configuration, config)
    collector = CollectorServer(configuration / file, options, directory)
    with running(prometheus), running(collector):
        yield Servers(prometheus, collector, port)


async def scrape_and_push(servers: Servers, endpoint: str, protocol: str, watch: Watch, seconds: float) -> list[str]:
    """Run the demo with faults, let Prometheus see its end, and return the differences between the two ways."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        patch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        differences: list[list[str]] = []

        async def inspect(world: World) -> None:
            assert await asyncio.to_thread(world.telemetry.force_flush, 20)
            await eventually(lambda: same(servers, differences), WITHIN, lambda: differences[-1][:20])

        await run_demo(DemoOptions(duration=seconds, port=servers.port), watch, inspect)
    return differences[-1]


def same(servers: Servers, differences: list[list[str]]) -> bool:
    """Tell whether the totals agree and there are some; Prometheus needs a scrape to see the last of them."""
    scraped, pushed = servers.totals()
    differences.append(differing(scraped, pushed))
    return not differences[-1] and min(len(scraped), len(pushed)) >= FEWEST_SERIES


async def nothing_happens(_: World) -> None:
    """Let the demo run."""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_scraped_and_pushed_totals_are_the_same(tmp_path: Path, protocol: str) -> None:
    with serving(tmp_path, AGENT) as servers:
        endpoint = servers.collector.grpc if protocol == "grpc" else servers.collector.http
        await scrape_and_push(servers, endpoint, protocol, nothing_happens, seconds=8)
        print(f"{len(servers.totals()[0])} series, all the same")  # noqa: T201


@pytest.mark.timeout(180)
async def test_totals_are_the_same_after_the_collector_was_down(tmp_path: Path) -> None:
    with serving(tmp_path, AGENT) as servers:
        down = Outage(servers, servers.collector, OUTAGE)
        await scrape_and_push(servers, servers.collector.http, "http/protobuf", down, seconds=OUTAGE + 15)
        print(f"{len(servers.totals()[0])} series, all the same after {OUTAGE:.0f} s without the Collector")  # noqa: T201


@pytest.mark.timeout(180)
async def test_the_gateway_loses_nothing_while_prometheus_is_down(tmp_path: Path) -> None:
    with serving(tmp_path, GATEWAY) as servers:
        down = Outage(servers, servers.prometheus, OUTAGE)
        await scrape_and_push(servers, servers.collector.http, "http/protobuf", down, seconds=OUTAGE + 15)
        down.left_no_gap()


@pytest.mark.timeout(180)
async def test_an_agent_passes_on_to_a_gateway_and_loses_nothing_while_that_is_down(tmp_path: Path) -> None:
    with serving(tmp_path / "gateway", GATEWAY) as servers:
        options = loopback_options(tmp_path / "agent", gateway=servers.collector.grpc.removeprefix("http://"))
        export_prometheus_config(tmp_path / "agent", in_seconds(collector=options))
        with running(CollectorServer(tmp_path / "agent" / AGENT, options, tmp_path)) as agent:
            down = Outage(servers, servers.collector, OUTAGE)
            await scrape_and_push(servers, agent.http, "http/protobuf", down, seconds=OUTAGE + 25)
            down.left_no_gap()


class Outage:
    """Kills a server for some seconds once there are numbers, and looks for what is missing of that time."""

    def __init__(self, servers: Servers, server: Server, seconds: float) -> None:
        self._servers = servers
        self._server = server
        self._seconds = seconds
        self._began = self._ended = 0.0

    async def __call__(self, _: World) -> None:
        await eventually(lambda: len(self._servers.totals()[1]) > 0, WITHIN, self._servers.totals)
        self._began = time.time()
        await asyncio.to_thread(self._server.kill)
        await asyncio.sleep(self._seconds)
        await asyncio.to_thread(self._server.start)
        self._ended = time.time()

    def left_no_gap(self) -> None:
        """Assert that a sample of each push is there, of the time of the outage too."""
        pushed = f'scraper_requests_total{{job="phoenix_scraper",instance!="{self._servers.scraped}"}}'
        found = self._servers.prometheus.samples(pushed, seconds=300)
        assert found
        for series, samples in found.items():
            meanwhile = [at for at, _ in samples if self._began < at < self._ended]
            gaps = [later - earlier for earlier, later in pairwise([self._began, *meanwhile, self._ended])]
            assert max(gaps) < 2 * PUSHED_EVERY, f"{dict(series)}: {gaps}"
            values = [value for _, value in samples]
            assert values == sorted(values)
            print(f"{len(meanwhile)} samples of {self._ended - self._began:.0f} s of outage")  # noqa: T201
