"""Instruments pymongo: MongoClient, AsyncMongoClient and, through MongoClient, Motor.

A query is a command that the driver sends: a long cursor is one find and several getMore, a large insert_many several
insert. It failed if the program got an exception for it, also where the server has done a part; that part is counted.
Commands without an answer, of a coroutine that was cancelled, are not counted.

`error_type` of database.connection_errors is one of these, each counted where it happens and nowhere else:
connection_lost     an open connection broke (or was given up, with its command, by a coroutine that was cancelled);
connect_failed      a connection could not be opened;
checkout_timeout    no connection became free in time, also db.client.connection.timeouts;
server_unreachable  the driver has lost a server: once for each client and outage, up to a second later, however many
                    attempts and heartbeats fail; waiting for such a server is no further error.

Connections are counted by the driver's events, so those of a client that is dropped without close() stay counted.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from pymongo import AsyncMongoClient, MongoClient, monitoring

from phoenix_otel.instrumentation.default_collector import default_collector
from phoenix_otel.instrumentation.mongo_commands import CommandWatcher
from phoenix_otel.instrumentation.mongo_listening import Listening
from phoenix_otel.instrumentation.mongo_pools import PoolBook, PoolWatcher
from phoenix_otel.instrumentation.mongo_servers import OwnClient, ServerWatcher
from phoenix_otel.instrumentation.mongo_spans import command_spans
from phoenix_otel.recorders.database_pool import ConnectionPool

_logger = logging.getLogger("phoenix_otel")


@dataclass(frozen=True, slots=True)
class _Listeners:
    """What was registered with pymongo, once and for good: it has no way to take a listener back."""

    listening: Listening
    book: PoolBook
    commands: CommandWatcher


@dataclass(frozen=True, eq=False)
class _OpenPools:
    """What collectors ask for pools, for as long as it is held: until the next uninstrument()."""

    book: PoolBook

    def pools(self) -> Iterable[ConnectionPool]:
        return self.book.pools()


class PymongoInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Records commands, documents, connections and pools of every client that is made after the first instrument().

    instrument() takes `collector` (default: the process's own) and `tracer_provider` (default: the global one, if
    the program has set one before; without one there are no spans). Connections stay counted after uninstrument(),
    unseen, so that the next instrument() shows the truth; nothing else is done then.
    """

    _listeners: _Listeners | None = None
    _open_pools: _OpenPools | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what must be installed; 4.9 brought AsyncMongoClient and durations in pool events."""
        return ("pymongo >= 4.9, < 5",)

    def _instrument(self, **kwargs: Any) -> None:
        collector = kwargs.get("collector") or default_collector()
        if collector is None:
            _logger.warning("phoenix_otel: nobody has said where to record; MongoDB is not instrumented")
            return
        listeners = self._registered()
        listeners.listening.guard = collector.guard
        listeners.commands.spans = command_spans(kwargs.get("tracer_provider"))
        self._open_pools = _OpenPools(listeners.book)
        collector.database.observe_pools(self._open_pools, _OpenPools.pools)
        listeners.listening.recorder = collector.database

    def _uninstrument(self, **kwargs: Any) -> None:
        self._open_pools = None
        if self._listeners is not None:
            self._listeners.listening.recorder = None
            self._listeners.commands.spans = None

    def _registered(self) -> _Listeners:
        """Register the listeners, the first time."""
        if self._listeners is None:
            _warn_of_earlier_clients()
            listening, book = Listening(), PoolBook()
            commands = CommandWatcher(listening)
            for listener in (commands, PoolWatcher(listening, book), ServerWatcher(listening)):
                monitoring.register(listener)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=book.forget)
                os.register_at_fork(after_in_child=commands.forget)
            self._listeners = _Listeners(listening, book, commands)
        return self._listeners


def _warn_of_earlier_clients() -> None:
    """Say how many clients exist already; pymongo keeps a list for its own needs, and may stop doing so."""
    kinds = (MongoClient, AsyncMongoClient)
    clients = [client for kind in kinds for client in list(getattr(kind, "_clients", {}).values())]
    earlier = sum(not _is_ours(client) for client in clients)
    if earlier:
        _logger.warning(
            "phoenix_otel: %d MongoDB client(s) were made before instrumentation and are not seen; "
            "instrument first, then make clients",
            earlier,
        )


def _is_ours(client: Any) -> bool:
    """Tell whether a client is the one that collection statistics are read with."""
    return any(isinstance(listener, OwnClient) for listener in client.options.event_listeners)
