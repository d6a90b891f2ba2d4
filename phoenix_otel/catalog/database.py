"""The database: connections, queries, documents, collections."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.attributes import STATUSES
from phoenix_otel.catalog.metric import Metric

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

METRICS: Final = (
    CONNECTIONS_ACTIVE,
    CONNECTION_ERRORS,
    QUERIES,
    QUERY_DURATION,
    DOCUMENTS,
    COLLECTION_SIZE,
    COLLECTION_DOCUMENT_COUNT,
)
