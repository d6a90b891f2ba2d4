"""Records a database driver's connection pools, by OpenTelemetry's conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from phoenix_otel.catalog import database
from phoenix_otel.recorders.instruments import Instruments

PoolsT = TypeVar("PoolsT")


class ConnectionPool(NamedTuple):
    """What the pools of one server hold now, in open connections; `limit` is None where there is none."""

    name: str
    idle: int
    used: int
    limit: int | None


class ConnectionPoolRecorder:
    """Counts, limits, waits and uses; `pool` is host:port of the server."""

    def __init__(self, instruments: Instruments) -> None:
        self._count = instruments.observable(database.POOL_COUNT)
        self._max = instruments.observable(database.POOL_MAX)
        self._timeouts = instruments.counter(database.POOL_TIMEOUTS)
        self._wait_time = instruments.histogram(database.POOL_WAIT_TIME)
        self._use_time = instruments.histogram(database.POOL_USE_TIME)
        self._create_time = instruments.histogram(database.POOL_CREATE_TIME)

    def observe(self, source: PoolsT, pools: Callable[[PoolsT], Iterable[ConnectionPool]]) -> None:
        """Ask `pools(source)` at each collection; the source is held weakly, pools of one name add up."""
        self._count.ask(
            source,
            lambda asked: [
                ((pool.name, state), count)
                for pool in pools(asked)
                for state, count in (("idle", pool.idle), ("used", pool.used))
            ],
        )
        self._max.ask(
            source, lambda asked: [((pool.name,), pool.limit) for pool in pools(asked) if pool.limit is not None]
        )

    def record_timeout(self, pool: str) -> None:
        """Count one wait that ended without a connection."""
        self._timeouts.add(1, pool)

    def record_wait_time(self, pool: str, seconds: float) -> None:
        """Record how long it took to get a connection."""
        self._wait_time.record(seconds, pool)

    def record_use_time(self, pool: str, seconds: float) -> None:
        """Record how long a connection was out of its pool."""
        self._use_time.record(seconds, pool)

    def record_create_time(self, pool: str, seconds: float) -> None:
        """Record how long it took to open a connection."""
        self._create_time.record(seconds, pool)
