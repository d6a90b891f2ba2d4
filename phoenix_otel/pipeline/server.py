"""The endpoint: aiohttp in a thread and event loop of its own, so that it answers while the scraper's loop is stuck."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from threading import Thread
from typing import Final, TypeVar

from aiohttp import web
from prometheus_client.exposition import gzip_accepted

from phoenix_otel._guard import Guard
from phoenix_otel.pipeline import page
from phoenix_otel.pipeline.fork import sever
from phoenix_otel.pipeline.health import Health
from phoenix_otel.pipeline.snapshot import Snapshot
from phoenix_otel.pipeline.worker import Worker

_logger = logging.getLogger("phoenix_otel")

_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - names them, binds nothing
_COMMON_HEADERS: Final = {"Server": "phoenix_otel", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
    ) -> None:
        self._snapshot = snapshot
        self._health = health
        self._guard = guard
        self._service = service
        self._metrics_path = metrics_path
        self._labels = labels
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._renderer: Worker | None = None
        self._thread: Thread | None = None
        self._listening: socket.socket | None = None
        self._runner: web.AppRunner | None = None
        self.url = ""
        self.port = 0

    def start(self, listening: socket.socket, host: str) -> None:
        """Serve on a socket made by `listen` for this host."""
        self._listening = listening
        self.port = actual = listening.getsockname()[1]
        shown = _ANY_ADDRESS.get(host, host)
        self.url = f"http://[{shown}]:{actual}" if ":" in shown else f"http://{shown}:{actual}"
        self._loop = asyncio.new_event_loop()
        self._renderer = Worker("phoenix-otel-render")
        self._thread = Thread(
            target=self._run, args=(listening, self._loop, self._renderer), name="phoenix-otel-server", daemon=True
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
        site = self._runner.server if self._runner is not None else None
        transports = [each.transport for each in (site.connections if site is not None else ())]
        sockets = [each.get_extra_info("socket") for each in transports if each is not None]
        sever([*([self._listening] if self._listening is not None else []), *sockets])

    def _run(self, listening: socket.socket, loop: asyncio.AbstractEventLoop, renderer: Worker) -> None:
        try:
            with self._guard.section("serving the endpoint"):
                loop.run_until_complete(self._serve(listening))
        finally:
            listening.close()
            renderer.stop(timeout=1.0)
            loop.close()

    async def _serve(self, listening: socket.socket) -> None:
        runner = web.AppRunner(self._application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        self._runner = runner
        await runner.setup()
        await web.SockSite(runner, listening).start()
        await self._stop.wait()
        await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._contain])
        application.add_routes(
            [
                web.get(self._metrics_path, self._get_metrics),
                web.get("/health", self._get_health),
                web.get("/stats", self._get_stats),
                web.get("/", self._get_page),
            ]
        )
        return application

    @web.middleware
    async def _contain(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer what goes wrong inside with a bare 503: no traceback, no path."""
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            answer.headers.update(_COMMON_HEADERS)
            raise
        except Exception as error:
            self._guard.caught("answering a request", error)
            response = web.Response(status=503, text="metrics could not be collected\n")
        response.headers.update(_COMMON_HEADERS)
        return response

    async def _in_renderer(self, work: Callable[[], T]) -> T:
        if self._renderer is None:
            raise RuntimeError("the endpoint is closed")
        return await self._renderer.run(work)

    async def _get_metrics(self, request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall("Accept", []))
        compress = gzip_accepted(request.headers.get("Accept-Encoding", ""))

        def render() -> tuple[bytes, str]:
            body, content_type = self._snapshot().exposition(accept)
            return (gzip.compress(body, compresslevel=5) if compress else body), content_type

        body, content_type = await self._in_renderer(render)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if compress else {}))

    async def _get_health(self, _: web.Request) -> web.Response:
        healthy, report = self._health.report()
        return web.json_response(report, status=200 if healthy else 503)

    async def _get_stats(self, _: web.Request) -> web.Response:
        stats = await self._in_renderer(lambda: self._snapshot().stats())
        return web.json_response({"service": self._service, "domains": stats})

    async def _get_page(self, _: web.Request) -> web.Response:
        def render() -> str:
            stats, health = self._snapshot().stats(), self._health.report()[1]
            return page.render(stats, health, self._service, self._metrics_path, self._labels)

        body = await self._in_renderer(render)
        headers = {"Content-Security-Policy": page.CONTENT_SECURITY_POLICY}
        return web.Response(text=body, content_type="text/html", headers=headers)


def listen(host: str, port: int) -> socket.socket:
    """Listen; a busy port is replaced by a free one, with a warning. Raises OSError if the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if not port:
            raise
        listening = socket.create_server((host, 0), family=family, backlog=128)
        taken = listening.getsockname()[1]
        _logger.warning(
            "phoenix_otel: port %d of %s cannot be had (%s); listening on %d", port, host, error.strerror, taken
        )
        return listening
