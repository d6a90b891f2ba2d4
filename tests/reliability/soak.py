"""Runs the demo with all its faults while Collector and database are killed again and again; `make soak` calls it.

At the end every total has to be the ground truth's, on /metrics and through the Collector, and nothing may have leaked.
DURATION: seconds, 3600 unless set. SUMMARY: the file that is written, soak.json unless set.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from phoenix_otel.demo.comparison import differences
from phoenix_otel.demo.ground_truth import Truth
from phoenix_otel.demo.run import DemoOptions, World, run_demo
from phoenix_otel.environment_variables import OTEL_EXPORTER_OTLP_ENDPOINT
from phoenix_otel.generate.files import export_prometheus_config
from tests.http import fetch
from tests.monitoring.pager import in_seconds
from tests.stack.mongo import running_mongo
from tests.stack.otelcol import CollectorServer, loopback_options
from tests.stack.process import Server, running
from tests.stack.sinks import eventually

UP, DOWN = 20.0, 5.0
"""Seconds for which a server runs, and is away, in turn."""
WARM_UP = 30.0
COLLECTED_WITHIN = 30.0
JOURNAL_ENTRY = 2048
"""Bytes that the demo's own journals may keep for each request: they are the ground truth."""
SPARE = 16 * 2**20


@dataclass
class Usage:
    """What the process holds."""

    rss: int
    threads: int
    descriptors: int

    @classmethod
    def now(cls) -> Usage:
        """Look."""
        process = psutil.Process()
        return cls(process.memory_info().rss, process.num_threads(), process.num_fds())


@dataclass
class Summary:
    """What the run has shown."""

    seconds: float = 0.0
    requests: int = 0
    totals: int = 0
    wrong_on_metrics: list[str] = field(default_factory=list)
    wrong_through_collector: list[str] = field(default_factory=list)
    outages: dict[str, int] = field(default_factory=dict)
    failed_pushes: int = 0
    internal_errors: int = 0
    began: Usage | None = None
    ended: Usage | None = None

    @property
    def faults(self) -> list[str]:
        """What should not be; nothing, if all is well."""
        if self.began is None or self.ended is None:
            return ["too short to see a leak"]
        allowed = SPARE + JOURNAL_ENTRY * self.requests
        found = {
            "totals on /metrics are wrong": bool(self.wrong_on_metrics),
            "totals through the Collector are wrong": bool(self.wrong_through_collector),
            "errors inside telemetry": self.internal_errors > 0,
            "memory grows": self.ended.rss - self.began.rss > allowed,
            "threads are left": self.ended.threads > self.began.threads + 2,
            "descriptors are left": self.ended.descriptors > self.began.descriptors + 10,
        }
        return [fault for fault, there in found.items() if there]


async def kill_in_turn(servers: dict[str, Server], summary: Summary) -> None:
    """Kill one server after the other for some seconds each, until cancelled; all run when it ends."""
    summary.outages = dict.fromkeys(servers, 0)
    while True:
        for name, server in servers.items():
            await asyncio.sleep(UP)
            await asyncio.to_thread(server.kill)
            summary.outages[name] += 1
            try:
                await asyncio.sleep(DOWN)
            finally:
                server.start()


async def main(duration: float) -> Summary:
    """Run, and return what has been seen."""
    summary = Summary()
    with tempfile.TemporaryDirectory() as name, running_mongo(Path(name) / "mongo") as mongo:
        directory = Path(name)
        options = loopback_options(directory / "collector", expiration="5m")
        export_prometheus_config(directory, in_seconds(collector=options))
        with running(CollectorServer(directory / "otel-collector.yaml", options, directory)) as collector:
            os.environ[OTEL_EXPORTER_OTLP_ENDPOINT] = collector.http

            async def watch(_: World) -> None:
                killing = asyncio.ensure_future(kill_in_turn({"collector": collector, "database": mongo}, summary))
                try:
                    await asyncio.sleep(min(WARM_UP, duration / 3))
                    summary.began = Usage.now()
                    await asyncio.Event().wait()
                finally:
                    killing.cancel()
                    await asyncio.wait([killing])

            async def inspect(world: World) -> None:
                summary.ended = Usage.now()
                summary.internal_errors = world.telemetry.collector.guard.errors
                await eventually(lambda: world.telemetry.force_flush(5), 60, lambda: "the last push does not arrive")
                push = json.loads((await asyncio.to_thread(fetch, world.telemetry.url, "/health")).body)
                summary.failed_pushes = push["components"]["otlp_push"]["failed_pushes"]

            report = await run_demo(DemoOptions(duration=duration, port=0, mongo_uri=mongo.uri), watch, inspect)
            deadline = time.monotonic() + COLLECTED_WITHIN
            while wrong := await asyncio.to_thread(through, f"http://{options.prometheus}", report.truth):
                if time.monotonic() > deadline:
                    break
            summary.wrong_through_collector = wrong
    summary.seconds, summary.requests = report.seconds, requests(report.truth)
    summary.totals = sum(len(series) for series in report.truth.values())
    summary.wrong_on_metrics = differences(report.truth, report.metrics)
    return summary


def through(collector: str, truth: Truth) -> list[str]:
    """Return what the Collector shows otherwise than it is; it takes a moment for what has arrived."""
    return differences(truth, without_identity(fetch(collector, "/metrics").text))


def requests(truth: Truth) -> int:
    """Return how many requests there were."""
    return int(sum(series["value"] for series in truth["proxy_requests_total"]))


def without_identity(text: str) -> str:
    """Leave out the labels by which the Collector tells processes apart: there is but one."""
    from prometheus_client import Metric
    from prometheus_client.exposition import generate_latest
    from prometheus_client.parser import text_string_to_metric_families
    from prometheus_client.registry import CollectorRegistry

    class Stripped:
        """The same families, with fewer labels."""

        def collect(self) -> list[Metric]:
            """Return them."""
            families = list(text_string_to_metric_families(text))
            for family in families:
                for number, sample in enumerate(family.samples):
                    kept = {key: value for key, value in sample.labels.items() if key not in ("job", "instance")}
                    family.samples[number] = sample._replace(labels=kept)
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Stripped())
    return generate_latest(registry).decode("utf-8")


if __name__ == "__main__":
    began = time.monotonic()
    found = asyncio.run(main(float(os.environ.get("DURATION", "3600"))))
    text = json.dumps(asdict(found) | {"faults": found.faults}, indent=2)
    Path(os.environ.get("SUMMARY", "soak.json")).write_text(text + "\n", "utf-8")
    print(text)  # noqa: T201
    print(f"{time.monotonic() - began:.0f} s: {'; '.join(found.faults) or 'all is well'}")  # noqa: T201
    raise SystemExit(1 if found.faults else 0)
