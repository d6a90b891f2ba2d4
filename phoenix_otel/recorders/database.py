"""Records what the database does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from phoenix_otel.catalog import database
from phoenix_otel.recorders.database_pool import ConnectionPool, ConnectionPoolRecorder
from phoenix_otel.recorders.instruments import Instruments
from phoenix_otel.recorders.timing import Timing, outcome

PoolsT = TypeVar("PoolsT")


class DatabaseRecorder:
    """Connections, queries, documents and collections; in `.pool` the connection pools of a driver."""

    def __init__(self, instruments: Instruments) -> None:
        self.pool = ConnectionPoolRecorder(instruments)
        self._connections = instruments.observable(database.CONNECTIONS_ACTIVE)
        self._connection_errors = instruments.counter(database.CONNECTION_ERRORS)
        self._queries = instruments.counter(database.QUERIES)
        self._query_duration = instruments.histogram(database.QUERY_DURATION)
        self._documents = instruments.counter(database.DOCUMENTS)
        self._collection_size = instruments.observable(database.COLLECTION_SIZE)
        self._collection_documents = instruments.observable(database.COLLECTION_DOCUMENT_COUNT)

    def set_active_connections(self, count: int, *, source: object | None = None) -> None:
        """Set how many connections are open; the counts of several `source`s (clients) add up."""
        self._connections.set(count, source=source)

    def observe_pools(self, source: PoolsT, pools: Callable[[PoolsT], Iterable[ConnectionPool]]) -> None:
        """Ask `pools(source)` at each collection instead of being told; it is held weakly, several sources add up."""
        self._connections.ask(source, lambda asked: [((), sum(pool.idle + pool.used for pool in pools(asked)))])
        self.pool.observe(source, pools)

    def record_connection_error(self, error_type: str) -> None:
        """Count one connection that failed or broke."""
        self._connection_errors.add(1, error_type)

    def record_query(self, operation: str, collection: str, status: str, duration: float) -> None:
        """Count one operation, success or failed, and record how long it took, in seconds."""
        self._queries.add(1, operation, collection, status)
        self._query_duration.record(duration, operation, collection)

    def record_documents(self, operation: str, collection: str, count: int) -> None:
        """Count documents read, written or deleted."""
        self._documents.add(count, operation, collection)

    def set_collection_stats(
        self, collection: str, size_bytes: int, document_count: int, *, source: object | None = None
    ) -> None:
        """Set the size, in bytes, and the number of documents of a collection."""
        self._collection_size.set(size_bytes, collection, source=source)
        self._collection_documents.set(document_count, collection, source=source)

    def clear_collection_stats(self, *, source: object | None = None) -> None:
        """Take back what `source` has set: it is not known any more."""
        self._collection_size.clear(source=source)
        self._collection_documents.clear(source=source)

    def time_query(self, operation: str, collection: str) -> Timing:
        """Time a block, by `with` or `async with`, and record it as one query; failed if it raises."""
        return Timing(lambda seconds, error: self.record_query(operation, collection, outcome(error), seconds))
