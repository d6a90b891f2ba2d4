"""The endpoint: aiohttp in a thread and event loop of its own, so that it answers while the scraper's loop is stuck."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import Final

from phoenix_otel._guard import Guard
from phoenix_otel.pipeline.access import Access
from phoenix_otel.pipeline.health import Health
from phoenix_otel.pipeline.limits import Limits
from phoenix_otel.pipeline.snapshot import Snapshot
from phoenix_otel.pipeline.worker import Worker

_logger = logging.getLogger("phoenix_otel")

_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - names them, binds nothing
_BACKLOG: Final = 1024
"""Clients that wait in the kernel while the endpoint is full."""


@dataclass(frozen=True)
class Content:
    """What the endpoint shows, where, and to whom."""

    snapshot: Callable[[], Snapshot]
    health: Health
    service: str
    metrics_path: str
    labels: Mapping[str, str]
    access: Access
    limits: Limits


class MetricsServer:
    """Serves /metrics, /health, /stats and / of one Telemetry.

    Collection and rendering run one at a time in a worker thread; the server's own loop only moves bytes.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        health: Health,
        guard: Guard,
        *,
        service: str,
        metrics_path: str,
        labels: Mapping[str, str],
        access: Access,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._content = Content(snapshot, health, service, metrics_path, labels, access, limits)
        self._guard = guard
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self.url = ""

    def start(self, listening: socket.socket, host: str) -> None:
        """Serve on a socket made by `listen` for this host."""
        actual = listening.getsockname()[1]
        shown = _ANY_ADDRESS.get(host, host)
        access = self._content.access
        self.url = f"{access.scheme}://{f'[{shown}]' if ':' in shown else shown}:{actual}"
        if warning := access.warning(listening):
            _logger.warning("phoenix_otel: %s", warning)
        self._loop = asyncio.new_event_loop()
        renderer = Worker("phoenix-otel-render")
        self._thread = Thread(
            target=self._run, args=(listening, self._loop, renderer), name="phoenix-otel-server", daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Close the socket and end the thread, waiting for at most `timeout` seconds."""
        thread, loop = self._thread, self._loop
        self._thread = self._loop = None
        if thread is not None and loop is not None and thread.is_alive():
            loop.call_soon_threadsafe(self._stop.set)
            thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Tell whether the endpoint is being served."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, listening: socket.socket, loop: asyncio.AbstractEventLoop, renderer: Worker) -> None:
        with self._guard.section("serving the endpoint"):
            # aiohttp takes longer to import than all the rest; here nobody waits for it
            from phoenix_otel.pipeline.endpoint import Endpoint

            endpoint = Endpoint(self._content, self._guard, renderer)
            loop.run_until_complete(endpoint.serve(listening, self._stop))
        listening.close()
        renderer.stop(timeout=1.0)
        loop.close()


def listen(host: str, port: int) -> socket.socket:
    """Listen; a busy port is replaced by a free one, with a warning. Raises OSError if the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if not port:
            raise
        listening = socket.create_server((host, 0), family=family, backlog=_BACKLOG)
        taken = listening.getsockname()[1]
        _logger.warning(
            "phoenix_otel: port %d of %s cannot be had (%s); listening on %d", port, host, error.strerror, taken
        )
        return listening
