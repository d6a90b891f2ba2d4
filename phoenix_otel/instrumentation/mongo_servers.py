"""Listens to what a MongoDB driver's monitor says of each server: an outage is one connection error."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from pymongo.errors import NotPrimaryError
from pymongo.monitoring import (
    ServerClosedEvent,
    ServerDescriptionChangedEvent,
    ServerListener,
    ServerOpeningEvent,
)

from phoenix_otel.instrumentation.mongo_listening import Listening, guarded

_own_topologies: Final[deque[Any]] = deque(maxlen=16)
_MOST_OUTAGES: Final = 10_000


class OwnClient(ServerListener):
    """Given to a client of our own, so that its outages are not counted beside those of the program's clients."""

    def opened(self, event: ServerOpeningEvent) -> None:
        """Remember which topology is ours; this comes before any news of the server."""
        _own_topologies.append(event.topology_id)

    def description_changed(self, event: ServerDescriptionChangedEvent) -> None:
        """Nothing."""

    def closed(self, event: ServerClosedEvent) -> None:
        """Nothing."""


class ServerWatcher(ServerListener):
    """Counts a server that cannot be reached: once for each client and outage, however many attempts fail."""

    def __init__(self, listening: Listening) -> None:
        self.listening = listening
        self._unreachable: set[tuple[Any, Any]] = set()

    def opened(self, event: ServerOpeningEvent) -> None:
        """Nothing: a server that is known is not reached yet."""

    @guarded
    def description_changed(self, event: ServerDescriptionChangedEvent) -> None:
        """Count the beginning of an outage, and notice its end."""
        key = (event.topology_id, event.server_address)
        error = event.new_description.error
        if error is None:
            self._unreachable.discard(key)
        elif key not in self._unreachable and not self._is_no_outage(event, error):
            self._unreachable.add(key)
            if self.listening.recorder is not None:
                self.listening.recorder.record_connection_error("server_unreachable")

    @guarded
    def closed(self, event: ServerClosedEvent) -> None:
        """Forget a server that its client has left."""
        self._unreachable.discard((event.topology_id, event.server_address))

    def _is_no_outage(self, event: ServerDescriptionChangedEvent, error: Exception) -> bool:
        """Tell whether the server answers and is only no primary any more, or whether the client is our own."""
        is_ours = event.topology_id in _own_topologies
        return is_ours or isinstance(error, NotPrimaryError) or len(self._unreachable) >= _MOST_OUTAGES
