"""Reads sizes and document counts of MongoDB collections in the background, every so often."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.instrumentation.utils import suppress_instrumentation
from pymongo import MongoClient, timeout
from pymongo.errors import OperationFailure

from phoenix_otel.instrumentation.default_collector import default_collector
from phoenix_otel.instrumentation.mongo_listening import use_own_client
from phoenix_otel.instrumentation.mongo_servers import OwnClient
from phoenix_otel.recorders import MetricsCollector

_logger = logging.getLogger("phoenix_otel")

_NAMESPACE_NOT_FOUND: Final = 26
_PIPELINE: Final[list[dict[str, Any]]] = [{"$collStats": {"storageStats": {}}}]

Client = MongoClient[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class _Watched:
    """A collection, and the label that its metrics have; it is also the source of its values."""

    database: str
    collection: str
    label: str


class CollectionStatsReader:
    """Sets the collection metrics from `$collStats`, one aggregation a collection and reading, in a thread of its own.

    `collections` are "database.collection"; the label is the collection's name alone, unless two of them share it.
    `connect` is the server's URI, or makes a client for each reading; clients are closed after it. `interval` and
    `time_limit`, for a whole reading, are in seconds; an interval of 0, the default, means off.
    A collection that cannot be read has no value until it can be read again.
    """

    def __init__(
        self,
        collector: MetricsCollector,
        connect: str | Callable[[], Client],
        collections: Iterable[str],
        *,
        interval: float = 0.0,
        time_limit: float = 5.0,
    ) -> None:
        self._collector = collector
        self._connect = connect if callable(connect) else _client_of(connect, time_limit)
        self._watched = _named(collections)
        self._interval = interval
        self._time_limit = time_limit
        self._failing: set[str] = set()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="phoenix-otel-collection-stats", daemon=True)

    def start(self) -> None:
        """Start reading, at once and then at each interval; does nothing if it is off."""
        if self._interval > 0 and self._watched:
            self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop reading, waiting for at most `timeout` seconds, and take the values back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        for watched in self._watched:
            self._collector.database.clear_collection_stats(source=watched)

    def _run(self) -> None:
        use_own_client()
        with suppress_instrumentation():
            while not self._stop.is_set():
                started = time.monotonic()
                with self._collector.guard.section("reading collection statistics"):
                    self._read()
                self._stop.wait(max(0.0, started + self._interval - time.monotonic()))

    def _read(self) -> None:
        try:
            client = self._connect()
        except Exception as error:
            for watched in self._watched:
                self._failed(watched, error)
            return
        with client, timeout(self._time_limit):
            for watched in self._watched:
                if not self._stop.is_set():
                    self._read_one(client, watched)

    def _read_one(self, client: Client, watched: _Watched) -> None:
        try:
            size, documents = _stats(client, watched, self._time_limit)
        except Exception as error:
            self._failed(watched, error)
            return
        if self._stop.is_set():
            return
        self._collector.database.set_collection_stats(watched.label, size, documents, source=watched)
        if watched.label in self._failing:
            self._failing.discard(watched.label)
            _logger.info("phoenix_otel: statistics of collection %s can be read again", watched.label)

    def _failed(self, watched: _Watched, error: Exception) -> None:
        """Take the value back and say why once; only the class, for a message may hold the URI."""
        self._collector.database.clear_collection_stats(source=watched)
        if watched.label not in self._failing:
            self._failing.add(watched.label)
            _logger.warning(
                "phoenix_otel: statistics of collection %s cannot be read: %s", watched.label, type(error).__name__
            )


def _client_of(uri: str, time_limit: float) -> Callable[[], Client]:
    """Return what makes a client that gives up in time and is not counted among the program's."""
    milliseconds = int(time_limit * 1000)
    return lambda: MongoClient(
        uri,
        maxPoolSize=1,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds,
        event_listeners=[OwnClient()],
    )


def _named(collections: Iterable[str]) -> list[_Watched]:
    """Split "database.collection"; raises ValueError for what is not of that form."""
    pairs = [name.partition(".")[::2] for name in dict.fromkeys(collections)]
    if wrong := [".".join(pair) for pair in pairs if not all(pair)]:
        raise ValueError(f"collections: {', '.join(map(repr, wrong))} not allowed; allowed: database.collection")
    alike = Counter(collection for _, collection in pairs)
    return [
        _Watched(database, collection, collection if alike[collection] == 1 else f"{database}.{collection}")
        for database, collection in pairs
    ]


def _stats(client: Client, watched: _Watched, time_limit: float) -> tuple[int, int]:
    """Return the size of the data in bytes and the number of documents, over all shards; 0 where there is nothing."""
    collection = client[watched.database][watched.collection]
    try:
        with collection.aggregate(_PIPELINE, maxTimeMS=int(time_limit * 1000)) as shards:
            stats: list[Mapping[str, Any]] = [shard["storageStats"] for shard in shards]
    except OperationFailure as error:
        if error.code != _NAMESPACE_NOT_FOUND:
            raise
        return 0, 0
    return sum(int(shard["size"]) for shard in stats), sum(int(shard["count"]) for shard in stats)


class CollectionStatsInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Runs a reader while instrumented: instrument(collector=..., uri=..., collections=..., interval=...).

    Without collections, or with an interval of 0, it does nothing.
    """

    _reader: CollectionStatsReader | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what must be installed."""
        return ("pymongo >= 4.9, < 5",)

    def _instrument(self, **kwargs: Any) -> None:
        collector = kwargs.get("collector") or default_collector()
        if collector is None or not kwargs.get("collections"):
            return
        self._reader = CollectionStatsReader(
            collector, kwargs["uri"], kwargs["collections"], interval=kwargs.get("interval", 0.0)
        )
        self._reader.start()

    def _uninstrument(self, **kwargs: Any) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop(timeout=5.0)
