"""Listens to a MongoDB driver's connection pools: how many connections are open and used, who waited, what broke."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import RLock, get_ident
from typing import Any, Final

from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutFailedReason,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionClosedReason,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)

from phoenix_otel.instrumentation.mongo_listening import Listening, guarded, is_own_client, server_name
from phoenix_otel.recorders.database_pool import ConnectionPool

_DEFAULT_MAX_POOL_SIZE: Final = 100
_Address = tuple[str, int | None]
_Here = tuple[int, int, int]


@dataclass(slots=True)
class _Server:
    """The pools of all clients for one server; their connections are numbered from 1 in each, so numbers repeat.

    `opening` holds connections by number and by who opens them, `open` how many have a number, `used` since when
    they are out of their pool, `limits` the size that each pool may have.
    """

    limits: list[float] = field(default_factory=list)
    opening: set[_Here] = field(default_factory=set)
    open: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    used: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def close_one(self, number: int) -> None:
        """Take one open connection away; a number that is not open was opened before anybody listened."""
        if self.open[number] > 1:
            self.open[number] -= 1
        else:
            del self.open[number]

    @property
    def is_gone(self) -> bool:
        return not (self.limits or self.opening or self.open or self.used)


class PoolBook:
    """Keeps count of every pool, instrumented or not, so that the counts are true when it is instrumented again.

    The lock may be taken again by the thread that has it: a signal handler may use the database too.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._servers: defaultdict[_Address, _Server] = defaultdict(_Server)

    def pool_created(self, address: _Address, limit: float) -> None:
        """A client has made a pool of at most `limit` connections."""
        with self._lock:
            self._servers[address].limits.append(limit)

    def pool_closed(self, address: _Address) -> None:
        """A client has closed a pool; nobody says which of several: most likely the youngest."""
        with self._lock:
            server = self._servers[address]
            if server.limits:
                server.limits.pop()
            self._tidy(address, server)

    def opening(self, address: _Address, number: int) -> None:
        """A connection is being opened."""
        with self._lock:
            self._servers[address].opening.add(_here(number))

    def opened(self, address: _Address, number: int) -> None:
        """A connection is open."""
        with self._lock:
            server = self._servers[address]
            server.opening.discard(_here(number))
            server.open[number] += 1

    def closed(self, address: _Address, number: int) -> bool:
        """A connection is closed; tell whether it had been open."""
        with self._lock:
            server = self._servers[address]
            was_open = _here(number) not in server.opening
            if was_open:
                server.close_one(number)
            else:
                server.opening.discard(_here(number))
            self._tidy(address, server)
            return was_open

    def taken(self, address: _Address, number: int) -> None:
        """A connection is taken from its pool."""
        with self._lock:
            self._servers[address].used[number].append(time.perf_counter())

    def returned(self, address: _Address, number: int) -> float | None:
        """A connection is back; return the seconds that it was away, None if nobody saw it go."""
        with self._lock:
            server = self._servers[address]
            since = server.used.get(number)
            seconds = time.perf_counter() - since.pop(0) if since else None
            if not since:
                server.used.pop(number, None)
            if not server.limits:  # every pool is closed: so is what comes back, and not always is that said
                server.close_one(number)
            self._tidy(address, server)
            return seconds

    def pools(self) -> Iterable[ConnectionPool]:
        """Return what is open now, by server."""
        with self._lock:
            return [_summary(address, server) for address, server in self._servers.items()]

    def forget(self) -> None:
        """Forget the connections, not the pools: after a fork the child has the pools and opens its own connections."""
        self._lock = RLock()
        limits = {address: server.limits for address, server in self._servers.items()}
        self._servers = defaultdict(_Server, {address: _Server(limits[address]) for address in limits})

    def _tidy(self, address: _Address, server: _Server) -> None:
        if server.is_gone:
            del self._servers[address]


def _summary(address: _Address, server: _Server) -> ConnectionPool:
    used = sum(len(since) for since in server.used.values())
    idle = max(0, sum(server.open.values()) - used)
    limit = sum(server.limits)
    return ConnectionPool(server_name(address), idle, used, int(limit) if 0 < limit < float("inf") else None)


def _here(number: int) -> _Here:
    """Tell openings of one number apart: a connection is opened by one thread or task from beginning to end."""
    try:
        task: Any = asyncio.current_task()
    except RuntimeError:
        task = None
    return number, get_ident(), id(task)


class PoolWatcher(ConnectionPoolListener):
    """Keeps the book, and records waits, uses, timeouts and broken connections while instrumented."""

    def __init__(self, listening: Listening, book: PoolBook) -> None:
        self.listening = listening
        self._book = book

    @guarded
    def pool_created(self, event: PoolCreatedEvent) -> None:
        """Note the pool's limit; the event has it only where it is not the driver's default."""
        limit = event.options.get("maxPoolSize", _DEFAULT_MAX_POOL_SIZE)
        self._book.pool_created(event.address, limit or float("inf"))

    def pool_ready(self, event: PoolReadyEvent) -> None:
        """Nothing: connections are counted one by one."""

    def pool_cleared(self, event: PoolClearedEvent) -> None:
        """Nothing: the connections are closed one by one, and the server's loss is counted by ServerWatcher."""

    @guarded
    def pool_closed(self, event: PoolClosedEvent) -> None:
        """Note that the pool is no more."""
        self._book.pool_closed(event.address)

    @guarded
    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """Note that a connection is being opened."""
        if not is_own_client():
            self._book.opening(event.address, event.connection_id)

    @guarded
    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        """Note that a connection is open."""
        if is_own_client():
            return
        self._book.opened(event.address, event.connection_id)
        if self.listening.recorder is not None and event.duration is not None:
            self.listening.recorder.pool.record_create_time(server_name(event.address), event.duration)

    @guarded
    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        """Note that a connection is closed, and count it if it broke or never came about."""
        if is_own_client():
            return
        was_open = self._book.closed(event.address, event.connection_id)
        if event.reason == ConnectionClosedReason.ERROR and self.listening.recorder is not None:
            self.listening.recorder.record_connection_error("connection_lost" if was_open else "connect_failed")

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:
        """Nothing: the end of the wait says how long it was."""

    @guarded
    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """Count a wait in vain; if the connection could not be opened, connection_closed has counted it."""
        recorder = self.listening.recorder
        timed_out = event.reason == ConnectionCheckOutFailedReason.TIMEOUT
        if timed_out and recorder is not None and not is_own_client():
            recorder.pool.record_timeout(server_name(event.address))
            recorder.record_connection_error("checkout_timeout")

    @guarded
    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        """Note that a connection is used, and how long that took."""
        if is_own_client():
            return
        self._book.taken(event.address, event.connection_id)
        if self.listening.recorder is not None and event.duration is not None:
            self.listening.recorder.pool.record_wait_time(server_name(event.address), event.duration)

    @guarded
    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        """Note that a connection is back."""
        if is_own_client():
            return
        seconds = self._book.returned(event.address, event.connection_id)
        if self.listening.recorder is not None and seconds is not None:
            self.listening.recorder.pool.record_use_time(server_name(event.address), seconds)
