"""The System: hosts, and the scrapers' own processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from phoenix_otel.catalog import system, telemetry
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import limits
from phoenix_otel.generate.dashboards.panel import (
    BYTES,
    BYTES_PER_SECOND,
    NUMBER,
    PERCENT,
    SECONDS,
    Dashboard,
    Panel,
    Row,
    Target,
    per_scraper,
)
from phoenix_otel.generate.dashboards.panel_query import CHOSEN, SCRAPER, PanelQuery, legend

_DESCRIBED_BY: Final = ("job", "instance", "service_name", "service_version", "telemetry_sdk_version")


def _rows(config: AlertConfig) -> tuple[Row, ...]:
    query = PanelQuery(config.query)
    return (
        Row(title="Scrapers", panels=tuple(_scrapers())),
        Row(title="Host", panels=(*_usage(query), *_traffic(query))),
        Row(title="Process", panels=tuple(_process(query))),
        Row(title="Telemetry", panels=tuple(_telemetry(query))),
    )


def _scrapers() -> Iterator[Panel]:
    yield Panel(
        title="Scrapers",
        description="Every scraper that can be heard, and the versions that it runs.",
        unit=NUMBER,
        targets=(Target(expr=f"group by ({', '.join(_DESCRIBED_BY)}) (target_info{{{CHOSEN}}})"),),
        look="table",
        labels=_DESCRIBED_BY,
        width=12,
        height=6,
    )
    yield Panel(
        title="Scrapes",
        description="Whether Prometheus can scrape each scraper. Those that push are scraped from their Collector: "
        "they show on the Overview.",
        unit=NUMBER,
        targets=(per_scraper(f"up{{{CHOSEN}}}"),),
        look="state-timeline",
        limits=limits.SCRAPERS_UP,
        values={"1": ("up", None), "0": ("down", None)},
        maximum=1,
        width=12,
        height=6,
    )


def _usage(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="CPU",
        description="Of the whole host, 100% being all cores busy.",
        unit=PERCENT,
        targets=(per_scraper(query.series(system.CPU_USAGE)),),
        maximum=100,
    )
    yield Panel(
        title="Memory",
        description="The share of the host's memory that is in use, as the alert sees it.",
        unit=PERCENT,
        targets=(per_scraper(query.series(system.MEMORY_USAGE)),),
        limits=limits.MEMORY,
        maximum=100,
    )
    yield Panel(
        title="Memory in use",
        description="Of the whole host: browsers that are left behind show as steps that never come down.",
        unit=BYTES,
        targets=(per_scraper(query.series(system.MEMORY_USED)),),
    )


def _traffic(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="Disks",
        description="Space in use on each mounted disk.",
        unit=PERCENT,
        targets=(Target(expr=query.series(system.DISK_USAGE), legend=legend("instance", "path")),),
        maximum=100,
    )
    yield Panel(
        title="Network, received",
        description="All interfaces of the host.",
        unit=BYTES_PER_SECOND,
        targets=(per_scraper(query.rate(system.NETWORK_BYTES_RECEIVED, *SCRAPER)),),
    )
    yield Panel(
        title="Network, sent",
        description="All interfaces of the host.",
        unit=BYTES_PER_SECOND,
        targets=(per_scraper(query.rate(system.NETWORK_BYTES_SENT, *SCRAPER)),),
    )


def _process(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="Threads",
        description="Of each scraper's process; a number that only grows is a leak.",
        unit=NUMBER,
        targets=(per_scraper(query.series(system.PROCESS_THREADS)),),
        width=12,
    )
    yield Panel(
        title="Open files",
        description="File descriptors of each scraper's process, connections included; at the system's limit "
        "nothing can be opened any more.",
        unit=NUMBER,
        targets=(per_scraper(query.series(system.PROCESS_OPEN_FILES)),),
        width=12,
    )


def _telemetry(query: PanelQuery) -> Iterator[Panel]:
    most = f"topk(10, max by (metric) ({query.series(telemetry.SERIES)}))"
    yield Panel(
        title="Series by metric",
        description="Of the ten metrics that have the most, on the scraper that has the most of each. What grows "
        "without an end reaches the cardinality limit: new label values are then counted in one series.",
        unit=NUMBER,
        targets=(Target(expr=most, legend=legend("metric")),),
        width=24,
    )
    yield Panel(
        title="Pushes that failed",
        description="OTLP pushes that did not arrive in the time shown. No total is lost: the next push that arrives "
        "has it.",
        unit=NUMBER,
        targets=(per_scraper(query.count(telemetry.EXPORT_FAILURES, *SCRAPER)),),
        width=6,
    )
    yield Panel(
        title="Since the last push",
        description="How long ago an OTLP push last arrived; it should not be more than a few push intervals.",
        unit=SECONDS,
        targets=(per_scraper(f"time() - {query.series(telemetry.EXPORT_LAST_SUCCESS)}"),),
        width=6,
    )
    yield Panel(
        title="Kept from the scraper",
        description="Errors inside telemetry or its callbacks, and values that no metric can hold. The log names each "
        "kind once.",
        unit=NUMBER,
        targets=(
            per_scraper(query.count(telemetry.INTERNAL_ERRORS, *SCRAPER), "errors"),
            per_scraper(query.count(telemetry.REFUSED_VALUES, *SCRAPER), "values"),
        ),
        width=6,
    )
    yield Panel(
        title="Threads restarted",
        description="Threads of telemetry that had died and were started again.",
        unit=NUMBER,
        targets=(
            Target(
                expr=query.count(telemetry.THREAD_RESTARTS, *SCRAPER, "thread"), legend=legend("instance", "thread")
            ),
        ),
        width=6,
    )


DASHBOARD: Final = Dashboard(
    name="system",
    title="Phoenix scraper: System",
    answers="Do hosts have CPU, memory, disk and network left, and do the scrapers' processes leak anything? "
    "Does telemetry itself arrive?",
    rows=_rows,
)
