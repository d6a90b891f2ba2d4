"""The endpoint: aiohttp in a thread and event loop of its own, so that it answers while the scraper's loop is stuck."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Hashable, Mapping
from threading import Thread
from typing import Any, Final, TypeVar, cast

from aiohttp import web
from prometheus_client.exposition import gzip_accepted

from phoenix_otel._guard import Guard
from phoenix_otel.pipeline import page
from phoenix_otel.pipeline.access import Access
from phoenix_otel.pipeline.connections import COMMON_HEADERS, Acceptor, Connection, Limits, bare
from phoenix_otel.pipeline.health import Health
from phoenix_otel.pipeline.shared_work import SharedWork
from phoenix_otel.pipeline.snapshot import Snapshot
from phoenix_otel.pipeline.worker import Worker

_logger = logging.getLogger("phoenix_otel")

_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - names them, binds nothing

_BACKLOG: Final = 1024  # clients that wait in the kernel while the endpoint is full

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
        access: Access,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._snapshot = snapshot
        self._health = health
        self._guard = guard
        self._service = service
        self._metrics_path = metrics_path
        self._labels = labels
        self._access = access
        self._limits = limits
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._renderings: SharedWork | None = None
        self._thread: Thread | None = None
        self.url = ""

    def start(self, listening: socket.socket, host: str) -> None:
        """Serve on a socket made by `listen` for this host."""
        actual = listening.getsockname()[1]
        shown = _ANY_ADDRESS.get(host, host)
        self.url = f"{self._access.scheme}://{f'[{shown}]' if ':' in shown else shown}:{actual}"
        if warning := self._access.warning(listening):
            _logger.warning("phoenix_otel: %s", warning)
        self._loop = asyncio.new_event_loop()
        renderer = Worker("phoenix-otel-render")
        self._renderings = SharedWork(renderer)
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
            loop.run_until_complete(self._serve(listening))
        listening.close()
        renderer.stop(timeout=1.0)
        loop.close()

    async def _serve(self, listening: socket.socket) -> None:
        runner = web.AppRunner(self._application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        acceptor = Acceptor(cast(web.Server, runner.server), self._limits, self._access.context)
        accepting = asyncio.create_task(acceptor.accept(listening))
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait((accepting, stopped), return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()
        stopped.cancel()
        await runner.cleanup()
        await acceptor.close()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._answer])
        application.on_response_prepare.append(_add_common_headers)
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
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may read, and answer what goes wrong with a bare status: no traceback, no path."""
        connection = cast(Connection, request.protocol)
        connection.waits_since = None
        if not self._access.allows(request.headers.getall("Authorization", ())):
            response = _bare(401, {"WWW-Authenticate": self._access.challenge()})
        else:
            response = await self._contained(request, handler)
        return await connection.send(request, response)

    async def _contained(self, request: web.Request, handler: Handler) -> web.Response:
        try:
            return cast(web.Response, await handler(request))
        except web.HTTPException as error:
            return _bare(error.status, {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {})
        except Exception as error:
            self._guard.caught("answering a request", error)
            return web.Response(status=503, text="metrics could not be collected\n")

    async def _rendered(self, what: Hashable, work: Callable[[], T]) -> T:
        if self._renderings is None:
            raise RuntimeError("the endpoint is closed")
        return await self._renderings.run(what, work)

    async def _get_metrics(self, request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall("Accept", []))
        compress = gzip_accepted(request.headers.get("Accept-Encoding", ""))

        def render() -> tuple[bytes, str]:
            body, content_type = self._snapshot().exposition(accept)
            return (gzip.compress(body, compresslevel=5) if compress else body), content_type

        body, content_type = await self._rendered(("metrics", accept, compress), render)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if compress else {}))

    async def _get_health(self, _: web.Request) -> web.Response:
        healthy, report = self._health.report()
        body = _json(report)
        return web.Response(body=body, content_type="application/json", charset="utf-8", status=200 if healthy else 503)

    async def _get_stats(self, _: web.Request) -> web.Response:
        def render() -> bytes:
            return _json({"service": self._service, "domains": self._snapshot().stats()})

        body = await self._rendered("stats", render)
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    async def _get_page(self, _: web.Request) -> web.Response:
        def render() -> bytes:
            stats, health = self._snapshot().stats(), self._health.report()[1]
            shown = page.render(stats, health, self._service, self._metrics_path, self._labels)
            return shown.encode("utf-8", "backslashreplace")

        body = await self._rendered("page", render)
        headers = {"Content-Security-Policy": page.CONTENT_SECURITY_POLICY}
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)


async def _add_common_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(COMMON_HEADERS)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _bare(status: int, headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, text=bare(status), headers=headers)


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
