"""Listens to the commands that a MongoDB driver sends: queries, how long they took, the documents in their replies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from phoenix_otel.instrumentation.mongo_listening import Listening, guarded, is_own_client
from phoenix_otel.instrumentation.mongo_replies import HOUSEKEEPING, collection_of, documents_of, is_refused
from phoenix_otel.instrumentation.mongo_spans import CommandSpans

_MOST_IN_FLIGHT: Final = 10_000
_FORGOTTEN_AT_ONCE: Final = 1_000

_Key = tuple[int, Any, int | None]


class _Command(NamedTuple):
    """A command that was sent: its collection, and what makes a span of it."""

    collection: str
    spans: CommandSpans | None
    event: CommandStartedEvent


class CommandWatcher(CommandListener):
    """Records each command when its reply is there.

    A coroutine that is cancelled leaves a command without an end, which is never recorded; such commands are
    forgotten, the oldest first, once there are very many.
    """

    def __init__(self, listening: Listening) -> None:
        self.listening = listening
        self.spans: CommandSpans | None = None
        self._in_flight: dict[_Key, _Command] = {}

    @guarded
    def started(self, event: CommandStartedEvent) -> None:
        """Remember the command: the reply does not say which collection it was for."""
        if self.listening.recorder is None or event.command_name.lower() in HOUSEKEEPING:
            return
        if is_own_client() or not is_instrumentation_enabled():
            return
        if len(self._in_flight) >= _MOST_IN_FLIGHT:
            self._forget_oldest()
        command = _Command(collection_of(event.command_name, event.command), self.spans, event)
        self._in_flight[_key(event)] = command
        if command.spans is not None:
            command.spans.started(event)

    @guarded
    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Record a command that the server has answered."""
        command = self._in_flight.pop(_key(event), None)
        if command is None:
            return
        if command.spans is not None:
            command.spans.succeeded(event)
        self._record(event, command.collection, "failed" if is_refused(event.reply) else "success")
        documents = documents_of(event.command_name, command.collection, event.reply)
        if documents and self.listening.recorder is not None:
            self.listening.recorder.record_documents(event.command_name, command.collection, documents)

    @guarded
    def failed(self, event: CommandFailedEvent) -> None:
        """Record a command that the server has refused, or that broke on its way."""
        command = self._in_flight.pop(_key(event), None)
        if command is None:
            return
        if command.spans is not None:
            command.spans.failed(event)
        self._record(event, command.collection, "failed")

    def forget(self) -> None:
        """Forget the commands in flight: after a fork they are the parent's."""
        self._in_flight = {}

    def _record(self, event: CommandSucceededEvent | CommandFailedEvent, collection: str, status: str) -> None:
        if self.listening.recorder is not None:
            self.listening.recorder.record_query(event.command_name, collection, status, event.duration_micros / 1e6)

    def _forget_oldest(self) -> None:
        for key in list(self._in_flight)[:_FORGOTTEN_AT_ONCE]:
            command = self._in_flight.pop(key, None)
            if command is not None and command.spans is not None:
                command.spans.failed(_abandoned(command.event))


def _key(event: CommandStartedEvent | CommandSucceededEvent | CommandFailedEvent) -> _Key:
    """Tell commands apart: request ids are drawn at random for each connection's client."""
    return event.request_id, event.connection_id, event.server_connection_id


def _abandoned(event: CommandStartedEvent) -> CommandFailedEvent:
    return CommandFailedEvent(
        timedelta(0),
        {"codeName": "Abandoned"},
        event.command_name,
        event.request_id,
        event.connection_id,
        event.operation_id,
        database_name=event.database_name,
    )
