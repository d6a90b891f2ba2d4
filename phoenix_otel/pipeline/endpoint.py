"""What the endpoint answers: routes and handlers. Imported by the server's thread alone."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiohttp import web
from prometheus_client.exposition import gzip_accepted

from phoenix_otel._guard import Guard
from phoenix_otel.pipeline import page
from phoenix_otel.pipeline.server import Content
from phoenix_otel.pipeline.worker import Worker

_COMMON_HEADERS: Final = {"Server": "phoenix_otel", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoint:
    """Serves /metrics, /health, /stats and / of one Telemetry; collection and rendering run in `renderer`."""

    def __init__(self, content: Content, guard: Guard, renderer: Worker) -> None:
        self._content = content
        self._guard = guard
        self._renderer = renderer

    async def serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Answer on this socket until `stop` is set."""
        runner = web.AppRunner(self._application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        await stop.wait()
        await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._contain])
        application.add_routes(
            [
                web.get(self._content.metrics_path, self._get_metrics),
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
        return await self._renderer.run(work)

    async def _get_metrics(self, request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall("Accept", []))
        compress = gzip_accepted(request.headers.get("Accept-Encoding", ""))

        def render() -> tuple[bytes, str]:
            body, content_type = self._content.snapshot().exposition(accept)
            return (gzip.compress(body, compresslevel=5) if compress else body), content_type

        body, content_type = await self._in_renderer(render)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if compress else {}))

    async def _get_health(self, _: web.Request) -> web.Response:
        healthy, report = self._content.health.report()
        return web.json_response(report, status=200 if healthy else 503)

    async def _get_stats(self, _: web.Request) -> web.Response:
        stats = await self._in_renderer(lambda: self._content.snapshot().stats())
        return web.json_response({"service": self._content.service, "domains": stats})

    async def _get_page(self, _: web.Request) -> web.Response:
        def render() -> str:
            stats, health = self._content.snapshot().stats(), self._content.health.report()[1]
            return page.render(stats, health, self._content.service, self._content.metrics_path, self._content.labels)

        body = await self._in_renderer(render)
        headers = {"Content-Security-Policy": page.CONTENT_SECURITY_POLICY}
        return web.Response(text=body, content_type="text/html", headers=headers)
