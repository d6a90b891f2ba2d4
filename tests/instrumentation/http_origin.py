"""A web server that misbehaves on request and writes down what it has received and sent."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from phoenix_otel.demo.loopback import HOST, serving

PAGE = b"<p>a house</p>" * 100
PACKED = gzip.compress(PAGE)
BROKEN_AFTER = 1000


@dataclass
class Origin:
    """Its address, the headers of every request, and the bytes of body it has sent for each path."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: Counter[str] = field(default_factory=Counter)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def named(self) -> str:
        """The same address by a name that has to be looked up."""
        return self.url.replace(HOST, "localhost")

    async def page(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=PAGE, content_type="text/html")

    async def packed(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=PACKED, content_type="text/html", headers={"Content-Encoding": "gzip"})

    async def moved(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/page", text="moved")

    async def broken(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(2 * BROKEN_AFTER)})
        await response.prepare(request)
        await response.write(b"x" * BROKEN_AFTER)
        assert request.transport is not None
        request.transport.close()
        return response

    async def hangs(self, request: web.Request) -> web.StreamResponse:
        """Send the headers and one part of the body, and the rest when told to."""
        response = web.StreamResponse(headers={"Content-Length": str(2 * len(PAGE))})
        await response.prepare(request)
        await response.write(PAGE)
        self.hanging.set()
        await self.go_on.wait()
        await response.write(PAGE)
        return response

    async def status(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=int(request.match_info["status"]), text="no", headers=dict(request.query))

    async def socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        await socket.close()
        return socket

    async def html(self, request: web.Request) -> web.StreamResponse:
        """A page for a browser: one script that is there, and one that cannot be had."""
        gone = f"http://{HOST}:{request.query['closed_port']}/gone.js"
        text = f'<title>t</title><script src="/script.js"></script><script src="{gone}"></script>'
        return web.Response(text=text, content_type="text/html")

    async def script(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="// nothing", content_type="text/javascript")


@asynccontextmanager
async def origin_running() -> AsyncIterator[Origin]:
    """Serve on loopback while the block runs."""
    origin = Origin()

    @web.middleware
    async def written_down(request: web.Request, handler: web.Handler) -> web.StreamResponse:  # type: ignore[name-defined]
        origin.headers.append(dict(request.headers))
        origin.paths[request.path] += 1
        response: web.StreamResponse = await handler(request)
        return response

    application = web.Application(middlewares=[written_down])
    application.add_routes(
        [
            web.get("/page", origin.page),
            web.post("/page", origin.page),
            web.get("/packed", origin.packed),
            web.get("/moved", origin.moved),
            web.get("/broken", origin.broken),
            web.get("/hangs", origin.hangs),
            web.get("/status/{status}", origin.status),
            web.get("/socket", origin.socket),
            web.get("/html", origin.html),
            web.get("/script.js", origin.script),
            web.get("/favicon.ico", origin.script),
        ]
    )
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    async with serving(runner) as port:
        origin.url = f"http://{HOST}:{port}"
        try:
            yield origin
        finally:
            origin.go_on.set()


async def closed_port() -> int:
    """A port that nobody listens on."""
    server = await asyncio.start_server(lambda reader, writer: None, HOST, 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port
