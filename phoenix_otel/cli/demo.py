"""`phoenix-otel demo`: a scraper with telemetry, on loopback, to look at."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from phoenix_otel.demo.run import DemoOptions

_EXTRA: Final = frozenset({"bs4", "pymongo", "rich", "tenacity"})


@click.command("demo")
@click.option(
    "--duration",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Seconds; 0 is until Ctrl-C.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9090,
    show_default=True,
    help="Of the endpoint; 0 is any free one.",
)
@click.option(
    "--faults/--no-faults",
    default=True,
    show_default=True,
    help="Bans, rate limits, dead proxies, lost sessions.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="No live view; one JSON document with truth and metrics at the end.",
)
@click.option("--mongo-uri", metavar="URI", help="Store in this MongoDB if it answers within 2 s.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same listings.")
def demo(duration: float, port: int, faults: bool, as_json: bool, mongo_uri: str | None, seed: int) -> None:
    """Scrape a listing site through five proxies, all on this machine, and show the metrics."""
    try:
        from phoenix_otel.demo.run import DemoOptions

        options = DemoOptions(duration=duration, port=port, faults=faults, mongo_uri=mongo_uri, seed=seed)
        if as_json:
            print_json(options)
        else:
            _show(options)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        click.echo(f"The demo needs {package}: pip install 'phoenix-otel[demo]'", err=True)
        sys.exit(2)


def print_json(options: DemoOptions) -> None:
    """Runs the demo and prints its report, nothing else, to stdout."""
    from phoenix_otel.demo.run import run_demo

    click.echo(json.dumps(asdict(asyncio.run(run_demo(options)))))


def _show(options: DemoOptions) -> None:
    from rich.console import Console

    from phoenix_otel.demo.comparison import differences
    from phoenix_otel.demo.run import run_demo
    from phoenix_otel.demo.terminal import view_for

    report = asyncio.run(run_demo(options, view_for(Console())))
    wrong = differences(report.truth, report.metrics)
    counted = sum(map(len, report.truth.values()))
    click.echo(f"{report.seconds:.0f} s, listings stored {report.storage}; the endpoint {report.url} is closed now.")
    click.echo(f"{counted} series held against what the site and the proxies counted: {len(wrong)} differ.")
    for line in wrong:
        click.echo(f"  {line}")
    if wrong:
        sys.exit(1)
