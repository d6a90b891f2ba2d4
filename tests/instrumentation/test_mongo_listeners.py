"""The listeners themselves: bounded, guarded, and right where a real server can hardly be brought to."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
import threading
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo import monitoring
from pymongo.errors import AutoReconnect, NotPrimaryError
from pymongo.server_description import ServerDescription

from phoenix_otel.instrumentation import mongo_commands
from phoenix_otel.instrumentation.mongo_commands import CommandWatcher
from phoenix_otel.instrumentation.mongo_listening import Listening, server_name
from phoenix_otel.instrumentation.mongo_pools import PoolBook, PoolWatcher
from phoenix_otel.instrumentation.mongo_servers import ServerWatcher
from phoenix_otel.instrumentation.mongo_spans import CommandSpans
from phoenix_otel.recorders.database_pool import ConnectionPool
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.mongo_numbers import errors, queries
from tests.stack.mongo import MongoServer

HERE = ("127.0.0.1", 27017)
NAME = "127.0.0.1:27017"


def started(request_id: int) -> monitoring.CommandStartedEvent:
    return monitoring.CommandStartedEvent({"find": "homes"}, "app", request_id, HERE, request_id)


def succeeded(request_id: int) -> monitoring.CommandSucceededEvent:
    reply: dict[str, Any] = {"cursor": {"firstBatch": []}}
    return monitoring.CommandSucceededEvent(timedelta(0), reply, "find", request_id, HERE, request_id)


@pytest.fixture
def listening(recorded: RecordedMetrics) -> Listening:
    return Listening(recorded.collector.database, recorded.collector.guard)


def test_commands_without_an_end_are_forgotten_the_oldest_first(
    listening: Listening, recorded: RecordedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_commands, "_MOST_IN_FLIGHT", 10)
    monkeypatch.setattr(mongo_commands, "_FORGOTTEN_AT_ONCE", 4)
    ended: list[int] = []

    class Spans(CommandSpans):
        def __init__(self) -> None: ...
        def started(self, event: monitoring.CommandStartedEvent) -> None: ...
        def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...
        def failed(self, event: monitoring.CommandFailedEvent) -> None:
            ended.append(event.request_id)

    watcher = CommandWatcher(listening)
    watcher.spans = Spans()
    for request_id in range(11):
        watcher.started(started(request_id))
    for request_id in range(11):
        watcher.succeeded(succeeded(request_id))

    assert ended == [0, 1, 2, 3]
    assert queries(recorded) == {("find", "homes", "success"): 7}


def test_reply_to_a_command_nobody_saw_is_nothing(listening: Listening, recorded: RecordedMetrics) -> None:
    CommandWatcher(listening).succeeded(succeeded(1))
    assert queries(recorded) == {}


@pytest.mark.usefixtures("production")
def test_what_goes_wrong_inside_never_reaches_the_driver(
    listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="phoenix_otel")
    before = listening.guard.errors
    nonsense: Any = object()
    listeners = (CommandWatcher(listening), PoolWatcher(listening, PoolBook()), ServerWatcher(listening))
    methods = [
        getattr(listener, name)
        for listener in listeners
        for kind in type(listener).__mro__[1:]
        for name in vars(kind)
        if kind.__module__ == "pymongo.monitoring" and not name.startswith("_")
    ]
    for method in methods:
        method(nonsense)

    assert len(methods) == 3 + 11 + 3
    assert listening.guard.errors - before == 3 + 8 + 2
    assert "listening to MongoDB (started) failed with AttributeError" in caplog.text


def test_outages_are_told_from_a_change_of_primary(listening: Listening, recorded: RecordedMetrics) -> None:
    watcher = ServerWatcher(listening)
    topology = ObjectId()

    def becomes(error: Exception | None) -> float:
        before, after = ServerDescription(HERE), ServerDescription(HERE, error=error)
        watcher.description_changed(monitoring.ServerDescriptionChangedEvent(before, after, HERE, topology))
        return errors(recorded).get("server_unreachable", 0)

    assert becomes(NotPrimaryError("no primary any more")) == 0
    assert becomes(AutoReconnect("gone")) == 1
    assert becomes(AutoReconnect("still gone")) == 1
    assert becomes(None) == 1
    assert becomes(AutoReconnect("gone again")) == 2
    watcher.closed(monitoring.ServerClosedEvent(HERE, topology))
    assert becomes(AutoReconnect("another client, so to speak")) == 3


def test_two_clients_that_open_connections_of_one_number_are_told_apart() -> None:
    book = PoolBook()
    book.pool_created(HERE, 100)
    book.pool_created(HERE, 100)
    book.opening(HERE, 1)
    book.opened(HERE, 1)
    outcome: list[bool] = []

    def fail_to_connect() -> None:
        book.opening(HERE, 1)
        outcome.append(book.closed(HERE, 1))

    other = threading.Thread(target=fail_to_connect)
    other.start()
    other.join()
    assert outcome == [False]
    assert list(book.pools()) == [ConnectionPool(NAME, 1, 0, 200)]
    assert book.closed(HERE, 1) is True
    assert list(book.pools()) == [ConnectionPool(NAME, 0, 0, 200)]


def test_connection_that_comes_back_to_a_closed_pool_is_closed() -> None:
    book = PoolBook()
    book.pool_created(HERE, 1)
    book.opening(HERE, 1)
    book.opened(HERE, 1)
    book.taken(HERE, 1)
    book.pool_closed(HERE)
    assert list(book.pools()) == [ConnectionPool(NAME, 0, 1, None)]
    assert book.returned(HERE, 1) is not None
    assert list(book.pools()) == []


def test_what_was_opened_before_anybody_listened_is_not_counted() -> None:
    book = PoolBook()
    assert book.returned(HERE, 4) is None
    book.closed(HERE, 4)
    book.pool_closed(HERE)
    assert list(book.pools()) == []


def test_pools_without_a_limit_have_none() -> None:
    book = PoolBook()
    watcher = PoolWatcher(Listening(), book)
    watcher.pool_created(monitoring.PoolCreatedEvent(HERE, {"maxPoolSize": 0}))
    assert list(book.pools()) == [ConnectionPool(NAME, 0, 0, None)]
    watcher.pool_created(monitoring.PoolCreatedEvent(("localhost", 1), {}))
    assert ConnectionPool("localhost:1", 0, 0, 100) in list(book.pools())


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (("db.example", 27017), "db.example:27017"),
        (("::1", 1), "[::1]:1"),
        (("/run/mongo.sock", None), "/run/mongo.sock"),
    ],
)
def test_server_name(address: tuple[str, int | None], name: str) -> None:
    assert server_name(address) == name


def run(script: str, *arguments: str) -> list[str]:
    """Run a program of its own: what is tried happens once in a process's life."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).splitlines()


def test_clients_made_before_are_named_once(mongo: MongoServer) -> None:
    lines = run(
        """
        import logging, sys
        from pymongo import MongoClient
        from phoenix_otel.instrumentation.pymongo import PymongoInstrumentor
        from phoenix_otel.recorders import MetricsCollector
        logging.basicConfig(format="%(message)s", stream=sys.stdout)
        early = MongoClient(sys.argv[1])
        for _ in range(2):
            PymongoInstrumentor().instrument(collector=MetricsCollector())
            PymongoInstrumentor().uninstrument()
        early.close()
        """,
        mongo.uri,
    )
    assert lines == [
        "phoenix_otel: 1 MongoDB client(s) were made before instrumentation and are not seen; "
        "instrument first, then make clients"
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_child_of_a_fork_counts_its_own_connections(mongo: MongoServer) -> None:
    lines = run(
        """
        import os, sys
        from pymongo import MongoClient
        from phoenix_otel import get_metrics_collector
        from phoenix_otel.instrumentation.pymongo import PymongoInstrumentor
        from phoenix_otel.testing import recorded_metrics
        PymongoInstrumentor().instrument(collector=get_metrics_collector())
        with recorded_metrics() as recorded, MongoClient(sys.argv[1]) as client:
            client.app.homes.insert_one({"_id": 1})
            child = os.fork()
            if child == 0:
                print("child", recorded.value("database_connections_active"), flush=True)
                client.app.homes.find_one({})
                print("child", recorded.value("database_connections_active"), flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print("parent", recorded.value("database_connections_active"), flush=True)
        """,
        mongo.uri,
    )
    assert lines == ["child 0.0", "child 1.0", "parent 1.0"]
