"""The Database: operations, documents, connections; and the driver's connection pools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from phoenix_otel.catalog import Metric, database
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import limits
from phoenix_otel.generate.dashboards.panel import (
    BYTES,
    NUMBER,
    PER_MINUTE,
    PER_SECOND,
    SECONDS,
    SHARE,
    Dashboard,
    Panel,
    Row,
    Target,
    per_scraper,
)
from phoenix_otel.generate.dashboards.panel_query import FAILED, SCRAPER, PanelQuery, label, legend
from phoenix_otel.generate.recording_rules import QUERY_DURATION

_POOL: Final = "db.client.connection.pool.name"
_STATE: Final = "db.client.connection.state"


def _rows(config: AlertConfig) -> tuple[Row, ...]:
    query = PanelQuery(config.query)
    return (
        Row(title="Operations", panels=tuple(_operations(query))),
        Row(title="Duration", panels=tuple(_duration(query, config))),
        Row(title="Connections", panels=tuple(_connections(query, config))),
        Row(title="Collections", panels=tuple(_collections(query))),
        Row(title="Connection pools", panels=tuple(_pools(query)), closed=True),
    )


def _operations(query: PanelQuery) -> Iterator[Panel]:
    yield Panel(
        title="Operations",
        description="What the scraper asks of the database.",
        unit=PER_SECOND,
        targets=(Target(expr=query.rate(database.QUERIES, "operation"), legend=legend("operation")),),
        stacked=True,
    )
    yield Panel(
        title="Operations by collection",
        description="Which collections are read and written.",
        unit=PER_SECOND,
        targets=(Target(expr=query.rate(database.QUERIES, "collection"), legend=legend("collection")),),
        stacked=True,
    )
    yield Panel(
        title="Failed operations",
        description="The share of each operation that failed.",
        unit=SHARE,
        targets=(Target(expr=query.share(FAILED, database.QUERIES, "operation"), legend=legend("operation")),),
        maximum=1,
    )


def _duration(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    yield Panel(
        title="Duration by scraper, p95",
        description=f"One operation in 20 of the last {config.query.range} took longer, as the alert sees it.",
        unit=SECONDS,
        targets=(per_scraper(query.recorded(QUERY_DURATION)),),
        limits=limits.QUERY_DURATION,
        width=6,
    )
    yield _slowest(query, "operation", "One operation in 20 took longer: is it reading or writing that is slow?")
    yield _slowest(query, "collection", "One operation in 20 took longer: a collection on its own may lack an index.")
    yield Panel(
        title="Durations",
        description="How many operations took how long.",
        unit=SECONDS,
        targets=(Target(expr=query.buckets(database.QUERY_DURATION), legend=legend("le")),),
        look="heatmap",
        width=6,
    )


def _slowest(query: PanelQuery, attribute: str, description: str) -> Panel:
    return Panel(
        title=f"Duration by {attribute}, p95",
        description=description,
        unit=SECONDS,
        targets=(Target(expr=query.quantile(0.95, database.QUERY_DURATION, attribute), legend=legend(attribute)),),
        limits=limits.QUERY_DURATION,
        width=6,
    )


def _connections(query: PanelQuery, config: AlertConfig) -> Iterator[Panel]:
    errors, window = database.CONNECTION_ERRORS, config.query.range
    yield Panel(
        title="Open connections",
        description="Connections that each scraper holds to the database; 0 if it cannot be reached.",
        unit=NUMBER,
        targets=(per_scraper(query.series(database.CONNECTIONS_ACTIVE)),),
    )
    yield Panel(
        title="Connection errors by scraper",
        description=f"Connections that failed or broke within {window}, as the alert counts them.",
        unit=NUMBER,
        targets=(per_scraper(query.or_zero(query.count(errors, *SCRAPER, window=window))),),
        limits=limits.CONNECTION_ERRORS,
    )
    yield Panel(
        title="Connection errors in this time range",
        description="What went wrong, the first error of a kind included.",
        unit=NUMBER,
        targets=(Target(expr=f"sort_desc({query.count(errors, 'error_type')})", legend="Errors"),),
        look="table",
        labels=("error_type",),
    )


def _collections(query: PanelQuery) -> Iterator[Panel]:
    def largest(metric: Metric) -> tuple[Target, ...]:
        # scrapers may share a database: each tells the same size
        return (Target(expr=f"max by (collection) ({query.series(metric)})", legend=legend("collection")),)

    yield Panel(
        title="Documents read and written",
        description="By operation: reads without writes may mean that nothing new comes in.",
        unit=PER_SECOND,
        targets=(Target(expr=query.rate(database.DOCUMENTS, "operation"), legend=legend("operation")),),
        stacked=True,
    )
    yield Panel(
        title="Documents in collections",
        description="How many each collection holds.",
        unit=NUMBER,
        targets=largest(database.COLLECTION_DOCUMENT_COUNT),
    )
    yield Panel(
        title="Size of collections",
        description="Bytes of each collection's data.",
        unit=BYTES,
        targets=largest(database.COLLECTION_SIZE),
    )


def _pools(query: PanelQuery) -> Iterator[Panel]:
    used = query.total(database.POOL_COUNT, _POOL, where=f'{label(_STATE)}="used"')
    yield Panel(
        title="Pooled connections",
        description="Idle and used connections of each pool.",
        unit=NUMBER,
        targets=(Target(expr=query.total(database.POOL_COUNT, _POOL, _STATE), legend=legend(_POOL, _STATE)),),
        stacked=True,
    )
    yield Panel(
        title="Pools in use",
        description="The share of the connections allowed that is used; at 100% operations wait. None without a limit.",
        unit=SHARE,
        targets=(Target(expr=f"{used} / {query.total(database.POOL_MAX, _POOL)}", legend=legend(_POOL)),),
        maximum=1,
    )
    yield Panel(
        title="Pool time-outs",
        description="Operations for which no connection became free in time.",
        unit=PER_MINUTE,
        targets=(Target(expr=query.per_minute(database.POOL_TIMEOUTS, _POOL), legend=legend(_POOL)),),
    )
    for title, description, metric in (
        ("Wait for a connection, p95", "It rises when the pool is too small.", database.POOL_WAIT_TIME),
        ("Use of a connection, p95", "From taking it to giving it back.", database.POOL_USE_TIME),
        ("Opening a connection, p95", "Network, TLS and login of new ones.", database.POOL_CREATE_TIME),
    ):
        yield Panel(
            title=title,
            description=description,
            unit=SECONDS,
            targets=(Target(expr=query.quantile(0.95, metric, _POOL), legend=legend(_POOL)),),
        )


DASHBOARD: Final = Dashboard(
    name="database",
    title="Phoenix scraper: Database",
    answers="Does the database keep up, can it be reached, what is stored, and do connection pools suffice?",
    rows=_rows,
)
