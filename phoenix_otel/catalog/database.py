"""The database: connections, queries, documents, collections, connection pools."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.attributes import STATUSES
from phoenix_otel.catalog.metric import Metric

_POOL_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)

CONNECTIONS_ACTIVE: Final = Metric(
    name="database.connections_active",
    kind="gauge",
    unit="{connection}",
    description="Open database connections",
)
CONNECTION_ERRORS: Final = Metric(
    name="database.connection_errors",
    kind="counter",
    unit="{error}",
    description="Connections to the database that failed or broke",
    attributes=("error_type",),
)
QUERIES: Final = Metric(
    name="database.queries",
    kind="counter",
    unit="{query}",
    description="Database operations",
    attributes=("operation", "collection", "status"),
    siblings=STATUSES,
)
QUERY_DURATION: Final = Metric(
    name="database.query_duration",
    kind="histogram",
    unit="s",
    description="Time that database operations took",
    attributes=("operation", "collection"),
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 5, 10),
)
DOCUMENTS: Final = Metric(
    name="database.documents",
    kind="counter",
    unit="{document}",
    description="Documents read, written or deleted",
    attributes=("operation", "collection"),
)
COLLECTION_SIZE: Final = Metric(
    name="database.collection_size",
    kind="gauge",
    unit="By",
    description="Size of a collection's data",
    attributes=("collection",),
)
COLLECTION_DOCUMENT_COUNT: Final = Metric(
    name="database.collection_document_count",
    kind="gauge",
    unit="{document}",
    description="Documents in a collection",
    attributes=("collection",),
)

POOL_COUNT: Final = Metric(
    name="db.client.connection.count",
    kind="gauge",
    unit="{connection}",
    description="Open connections of a pool, idle or used",
    attributes=("db.client.connection.pool.name", "db.client.connection.state"),
)
POOL_MAX: Final = Metric(
    name="db.client.connection.max",
    kind="gauge",
    unit="{connection}",
    description="Open connections that a pool allows at most; absent where there is no limit",
    attributes=("db.client.connection.pool.name",),
)
POOL_TIMEOUTS: Final = Metric(
    name="db.client.connection.timeouts",
    kind="counter",
    unit="{timeout}",
    description="Times that no connection of a pool became free in time",
    attributes=("db.client.connection.pool.name",),
)
POOL_WAIT_TIME: Final = Metric(
    name="db.client.connection.wait_time",
    kind="histogram",
    unit="s",
    description="Time it took to get a connection from a pool",
    attributes=("db.client.connection.pool.name",),
    buckets=_POOL_BUCKETS,
)
POOL_USE_TIME: Final = Metric(
    name="db.client.connection.use_time",
    kind="histogram",
    unit="s",
    description="Time between taking a connection from a pool and giving it back",
    attributes=("db.client.connection.pool.name",),
    buckets=_POOL_BUCKETS,
)
POOL_CREATE_TIME: Final = Metric(
    name="db.client.connection.create_time",
    kind="histogram",
    unit="s",
    description="Time it took to open a new connection",
    attributes=("db.client.connection.pool.name",),
    buckets=_POOL_BUCKETS,
)

CONTRACT_METRICS: Final = (
    CONNECTIONS_ACTIVE,
    CONNECTION_ERRORS,
    QUERIES,
    QUERY_DURATION,
    DOCUMENTS,
    COLLECTION_SIZE,
    COLLECTION_DOCUMENT_COUNT,
)
"""What the predecessor had too; names and labels stay."""

POOL_METRICS: Final = (POOL_COUNT, POOL_MAX, POOL_TIMEOUTS, POOL_WAIT_TIME, POOL_USE_TIME, POOL_CREATE_TIME)
"""OpenTelemetry's conventions for connection pools; recorded only where a driver's pools are watched."""

METRICS: Final = CONTRACT_METRICS + POOL_METRICS
