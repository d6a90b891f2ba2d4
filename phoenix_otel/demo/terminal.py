"""The demo on a terminal: a live view of the five domains, or plain lines where there is no terminal."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from phoenix_otel.demo.numbers import Numbers, Rate
from phoenix_otel.demo.run import Watch, World

_REFRESH: Final = 0.5
_LINE_EVERY: Final = 2.0


def view_for(console: Console) -> Watch:
    """The live view on a terminal, plain lines anywhere else."""
    return LiveView(console).watch if console.is_terminal else PlainView(console).watch


class PlainView:
    """One line every two seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rate = Rate()

    async def watch(self, world: World) -> None:
        """Prints until cancelled."""
        self._print(f"metrics at {world.telemetry.url}/, {_setting(world)}")
        while True:
            await asyncio.sleep(_LINE_EVERY)
            self._print(self._line(world, Numbers(world.telemetry.stats())))

    def _line(self, world: World, numbers: Numbers) -> str:
        requests = numbers.total("scraper_requests_total")
        failed = numbers.total("scraper_requests_total", status="failed")
        rate = self._rate.update(world.seconds, requests)
        return "  ".join(
            (
                f"{world.seconds:4.0f} s",
                f"requests {requests:.0f} ({rate:.1f}/s, {failed:.0f} failed)",
                f"p95 {_seconds(numbers.p95('scraper_response_time_seconds', status='success'))}",
                f"proxies {len(world.manager.available_ids())}/{len(world.proxies)}",
                f"limited {numbers.total('rate_limit_hits_total'):.0f}",
                f"stored {numbers.total('database_documents_total'):.0f}",
                f"cpu {numbers.total('system_cpu_usage_percent'):.0f}%",
                f"mem {numbers.total('system_memory_usage_percent'):.0f}%",
            )
        )

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


class LiveView:
    """The whole screen, twice a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rates: defaultdict[str, Rate] = defaultdict(Rate)

    async def watch(self, world: World) -> None:
        """Draws until cancelled."""
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(self.screen(world, Numbers(world.telemetry.stats())), refresh=True)
                await asyncio.sleep(_REFRESH)

    def screen(self, world: World, numbers: Numbers) -> Layout:
        """The five domains below a line that says where to look."""
        layout = Layout()
        layout.split_column(Layout(_head(world), size=3), Layout(name="upper", ratio=3), Layout(name="lower", ratio=2))
        layout["upper"].split_row(
            Layout(_panel("scraper", self._scraper(world, numbers)), ratio=1),
            Layout(_panel("proxies", _proxies(world, numbers)), ratio=1),
        )
        layout["lower"].split_row(
            Layout(_panel("rate limits", _rate_limits(numbers)), ratio=5),
            Layout(_panel("database", _database(numbers)), ratio=4),
            Layout(_panel("host", _host(numbers)), ratio=4),
        )
        return layout

    def _scraper(self, world: World, numbers: Numbers) -> RenderableType:
        table = _table("endpoint", "ok", "fail", "req/s", "p95")
        for endpoint in numbers.values_of("scraper_requests_total", "endpoint"):
            ok, failed = (
                numbers.total("scraper_requests_total", endpoint=endpoint, status=status)
                for status in ("success", "failed")
            )
            table.add_row(
                endpoint.removeprefix("property_"),
                f"{ok:.0f}",
                _bad(failed),
                f"{self._rates[endpoint].update(world.seconds, ok + failed):.1f}",
                _seconds(numbers.p95("scraper_response_time_seconds", endpoint=endpoint, status="success")),
            )
        errors = (
            (kind.removesuffix("Error"), _bad(numbers.total("scraper_errors_total", error_type=kind)))
            for kind in numbers.values_of("scraper_errors_total", "error_type")
        )
        return Group(
            table,
            _facts(
                (
                    ("session", "valid" if numbers.total("scraper_session_valid") else "lost"),
                    ("properties", f"{numbers.total('scraper_properties_scraped_total'):.0f}"),
                    ("retries", f"{numbers.total('scraper_retries_total'):.0f}"),
                    *errors,
                )
            ),
        )


def _head(world: World) -> RenderableType:
    duration = world.options.duration
    clock = f"{world.seconds:.0f} of {duration:.0f} s" if duration else f"{world.seconds:.0f} s, Ctrl-C ends"
    address = (f"{world.telemetry.url}/", "bold cyan")
    line = Text.assemble("open ", address, "  ", clock, no_wrap=True, overflow="ellipsis")
    return Panel(line, title="phoenix_otel demo", title_align="left", subtitle=_setting(world), subtitle_align="left")


def _setting(world: World) -> str:
    faults = "on" if world.options.faults else "off"
    return f"faults {faults}, listings stored {world.store.description}"


def _proxies(world: World, numbers: Numbers) -> RenderableType:
    available = world.manager.available_ids()
    table = _table("proxy", "ok", "fail", "p95", "bad checks")
    for proxy in world.proxies:
        up = proxy.proxy_id in available
        failures = numbers.total("proxy_health_check_failures_total", proxy_id=proxy.proxy_id)
        table.add_row(
            Text.assemble(("● " if up else "○ ", "green" if up else "red"), f":{proxy.port}"),
            f"{numbers.total('proxy_requests_total', proxy_id=proxy.proxy_id, status='success'):.0f}",
            _bad(numbers.total("proxy_requests_total", proxy_id=proxy.proxy_id, status="failed")),
            _seconds(numbers.p95("proxy_response_time_seconds", proxy_id=proxy.proxy_id)),
            _bad(failures),
        )
    resting = len(world.proxies) - len(available)
    rotations = f"{numbers.total('proxy_rotations_total'):.0f}"
    return Group(table, _facts((("rotations", rotations), ("in cooldown", f"{resting}"))))


def _rate_limits(numbers: Numbers) -> RenderableType:
    table = _table("source", "own", "429", "used", "left")
    for source in numbers.values_of("rate_limit_current_rate", "endpoint"):
        table.add_row(
            source.removeprefix("property_"),
            f"{numbers.total('rate_limit_hits_total', endpoint=source, limit_type='throttle'):.0f}",
            _bad(numbers.total("rate_limit_hits_total", endpoint=source, limit_type="server")),
            f"{numbers.total('rate_limit_current_rate', endpoint=source):.0f}",
            f"{numbers.total('rate_limit_limit_remaining', endpoint=source):.0f}",
        )
    return table


def _database(numbers: Numbers) -> RenderableType:
    return _facts(
        (
            ("queries", f"{numbers.total('database_queries_total'):.0f}"),
            ("failed", _bad(numbers.total("database_queries_total", status="failed"))),
            ("p95", _seconds(numbers.p95("database_query_duration_seconds"))),
            ("documents", f"{numbers.total('database_collection_document_count'):.0f}"),
            ("size", f"{numbers.total('database_collection_size_bytes') / 1024:.0f} KiB"),
        )
    )


def _host(numbers: Numbers) -> RenderableType:
    return _facts(
        (
            ("CPU", f"{numbers.total('system_cpu_usage_percent'):.0f} %"),
            ("memory", f"{numbers.total('system_memory_usage_percent'):.0f} %"),
            ("used", f"{numbers.total('system_memory_used_bytes') / 2**30:.1f} GiB"),
            ("threads", f"{numbers.total('system_process_threads'):.0f}"),
            ("open files", f"{numbers.total('system_process_open_files'):.0f}"),
        )
    )


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim")


def _table(first: str, *numeric: str) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column(first, no_wrap=True)
    for name in numeric:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _facts(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), value)
    return grid


def _bad(count: float) -> Text:
    return Text(f"{count:.0f}", style="bold red" if count else "")


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}s" if value >= 0.1 else f"{value * 1000:.0f}ms"
