"""Two runs of the whole demo, shared by the tests: one with faults and one without."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import aiohttp
import pytest
from rich.console import Console

from phoenix_otel.demo.numbers import Numbers
from phoenix_otel.demo.run import DemoOptions, DemoReport, World, run_demo
from phoenix_otel.demo.terminal import LiveView, PlainView
from phoenix_otel.environment_variables import PHOENIX_OTEL_RAISE_INTERNAL_ERRORS

PASSWORDS = tuple(f"planted-secret-{n}" for n in range(1, 6))
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
SCREENS = ((100, 30), (80, 24))


@dataclass
class Run:
    """What one run of the demo left behind."""

    pages: dict[str, str] = field(default_factory=dict)
    screens: dict[tuple[int, int], str] = field(default_factory=dict)
    site: Counter[tuple[str, int]] = field(default_factory=Counter)
    proxies: dict[str, Counter[int]] = field(default_factory=dict)
    health_checks: Counter[int] = field(default_factory=Counter)
    lines: str = ""
    logs: str = ""
    report: DemoReport = field(init=False)

    @property
    def json(self) -> str:
        return json.dumps(asdict(self.report))

    async def inspect(self, world: World) -> None:
        self.site.update((entry.endpoint, entry.status) for entry in world.site.journal)
        self.proxies.update((proxy.name, proxy.outcomes()) for proxy in world.proxies)
        self.health_checks.update(
            entry.status for proxy in world.proxies for entry in proxy.journal if entry.endpoint == "health"
        )
        async with aiohttp.ClientSession(world.telemetry.url) as session:
            for page, accept in (("/metrics", "*/*"), ("/metrics", OPENMETRICS), ("/stats", "*/*"), ("/", "*/*")):
                async with session.get(page, headers={"Accept": accept}) as answer:
                    self.pages[f"{page} {accept}"] = await answer.text()
        for width, height in SCREENS:
            console = Console(file=io.StringIO(), width=width, height=height, record=True)
            console.print(LiveView(console).screen(world, Numbers(world.telemetry.stats())))
            self.screens[width, height] = console.export_text()


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Everything that anybody logs, at any level."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def run(options: DemoOptions) -> Run:
    gc.collect()  # pools of earlier tests count for as long as they live
    seen = Run()
    lines = io.StringIO()
    with logged() as text, pytest.MonkeyPatch.context() as patch:
        patch.setenv(PHOENIX_OTEL_RAISE_INTERNAL_ERRORS, "true")
        view = PlainView(Console(file=lines, width=100))
        seen.report = asyncio.run(run_demo(options, view.watch, seen.inspect))
    seen.lines, seen.logs = lines.getvalue(), text.getvalue()
    return seen


@pytest.fixture(scope="session")
def faulty() -> Run:
    """8 s with every fault, and a MongoDB that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"mongodb://user:{PASSWORDS[0]}@127.0.0.1:{silent.getsockname()[1]}/"
        return run(DemoOptions(duration=8, port=0, mongo_uri=uri, passwords=PASSWORDS))


@pytest.fixture(scope="session")
def faultless() -> Run:
    """3 s without faults."""
    return run(DemoOptions(duration=3, port=0, faults=False))
