"""What the endpoint answers, and to whom: routes and handlers. Imported when an endpoint is opened."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from aiohttp import web
from prometheus_client.exposition import gzip_accepted

from phoenix_otel._guard import Guard
from phoenix_otel.pipeline import page
from phoenix_otel.pipeline.connections import COMMON_HEADERS, Acceptor, Connection, bare
from phoenix_otel.pipeline.server import Content
from phoenix_otel.pipeline.shared_work import SharedWork
from phoenix_otel.pipeline.worker import Worker

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoint:
    """Serves /metrics, /health, /stats and / of one Telemetry; collection and rendering run in `renderer`."""

    def __init__(self, content: Content, guard: Guard, renderer: Worker) -> None:
        self._content = content
        self._guard = guard
        self._renderings = SharedWork(renderer)
        self._acceptor: Acceptor | None = None

    def clients(self) -> list[socket.socket]:
        """Return the sockets of the clients that are connected now."""
        return self._acceptor.clients() if self._acceptor is not None else []

    async def serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Answer on this socket until `stop` is set."""
        runner = web.AppRunner(self._application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        acceptor = self._acceptor = Acceptor(
            cast(web.Server, runner.server), self._content.limits, self._content.access.context
        )
        accepting = asyncio.create_task(acceptor.accept(listening))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((accepting, stopped), return_when=asyncio.FIRST_COMPLETED)
            if accepting.done():
                accepting.result()  # accepting ends by an error alone: it is this thread's, too
        finally:
            accepting.cancel()
            stopped.cancel()
            await runner.cleanup()
            await acceptor.close()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._answer])
        application.on_response_prepare.append(_add_common_headers)
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
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may read, and answer what goes wrong with a bare status: no traceback, no path."""
        connection = cast(Connection, request.protocol)
        connection.waits_since = None
        if not self._content.access.allows(request.headers.getall("Authorization", ())):
            response = _bare(401, {"WWW-Authenticate": self._content.access.challenge()})
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

    async def _get_metrics(self, request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall("Accept", []))
        compress = gzip_accepted(request.headers.get("Accept-Encoding", ""))

        def render() -> tuple[bytes, str]:
            body, content_type = self._content.snapshot().exposition(accept)
            return (gzip.compress(body, compresslevel=5) if compress else body), content_type

        body, content_type = await self._renderings.run(("metrics", accept, compress), render)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if compress else {}))

    async def _get_health(self, _: web.Request) -> web.Response:
        healthy, report = self._content.health.report()
        body = _json(report)
        return web.Response(body=body, content_type="application/json", charset="utf-8", status=200 if healthy else 503)

    async def _get_stats(self, _: web.Request) -> web.Response:
        def render() -> bytes:
            return _json({"service": self._content.service, "domains": self._content.snapshot().stats()})

        body = await self._renderings.run("stats", render)
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    async def _get_page(self, _: web.Request) -> web.Response:
        def render() -> bytes:
            stats, health = self._content.snapshot().stats(), self._content.health.report()[1]
            shown = page.render(stats, health, self._content.service, self._content.metrics_path, self._content.labels)
            return shown.encode("utf-8", "backslashreplace")

        body = await self._renderings.run("page", render)
        headers = {"Content-Security-Policy": page.CONTENT_SECURITY_POLICY}
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)


async def _add_common_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(COMMON_HEADERS)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _bare(status: int, headers: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, text=bare(status), headers=headers)
