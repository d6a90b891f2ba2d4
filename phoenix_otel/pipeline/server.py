"""The endpoint: aiohttp in a thread and event loop of its own, so that it answers while the scraper's loop is stuck."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Final

from phoenix_otel._guard import Guard
from phoenix_otel.pipeline.access import Access
from phoenix_otel.pipeline.fork import sever
from phoenix_otel.pipeline.health import Health
from phoenix_otel.pipeline.limits import Limits
from phoenix_otel.pipeline.snapshot import Snapshot
from phoenix_otel.pipeline.worker import Worker

if TYPE_CHECKING:
    from phoenix_otel.pipeline.endpoint import Endpoint

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
        self._renderer: Worker | None = None
        self._listening: socket.socket | None = None
        self._endpoint: Endpoint | None = None
        self.url = ""
        self.port = 0

    def start(self, listening: socket.socket, host: str) -> None:
        """Serve on a socket made by `listen` for this host."""
        # here, so that a program without an endpoint does without aiohttp; not in the thread, for a fork or an exit
        # in the middle of an import would leave half of it behind
        from phoenix_otel.pipeline.endpoint import Endpoint

        self._listening = listening
        self.port = actual = listening.getsockname()[1]
        shown = _ANY_ADDRESS.get(host, host)
        access = self._content.access
        self.url = f"{access.scheme}://{f'[{shown}]' if ':' in shown else shown}:{actual}"
        if warning := access.warning(listening):
            _logger.warning("phoenix_otel: %s", warning)
        self._loop = asyncio.new_event_loop()
        renderer = self._renderer = Worker("phoenix-otel-render")
        self._endpoint = Endpoint(self._content, self._guard, renderer)
        self._thread = Thread(
            target=self._run,
            args=(listening, self._loop, renderer, self._endpoint),
            name="phoenix-otel-server",
            daemon=True,
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
        serving = self._thread is not None and self._thread.is_alive()
        return serving and self._renderer is not None and self._renderer.alive

    @property
    def stuck(self) -> bool:
        """Tell whether a collection does not come to an end."""
        return self._renderer is not None and self._renderer.stuck

    def abandon(self) -> None:
        """Let go of all sockets without touching them: for a child, whose parent goes on serving."""
        clients = self._endpoint.clients() if self._endpoint is not None else []
        sever([*([self._listening] if self._listening is not None else []), *clients])

    def _run(
        self,
        listening: socket.socket,
        loop: asyncio.AbstractEventLoop,
        renderer: Worker,
        endpoint: Endpoint,
    ) -> None:
        try:
            # the runner also ends what tasks are left if this thread dies
            with (
                self._guard.section("serving the endpoint"),
                asyncio.Runner(loop_factory=lambda: loop) as runner,
            ):
                runner.run(endpoint.serve(listening, self._stop))
        finally:
            listening.close()
            renderer.stop(timeout=1.0)


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
