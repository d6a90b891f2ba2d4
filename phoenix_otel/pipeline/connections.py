"""Connections of the endpoint, limited in number, size and time: no client can exhaust memory or file descriptors."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from phoenix_otel.pipeline.limits import Limits

COMMON_HEADERS: Final = {"Server": "phoenix_otel", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_CHUNK: Final = 65_536
_LOOK_AGAIN: Final = 0.02
_CLOSING: Final = 0.001
_CLOSING_ROUNDS: Final = 100


class Connection(web.RequestHandler):
    """One client. `waits_since` is when we began to wait for it, on the loop's clock; None while it waits for us."""

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # how the documentation has it switched off
            keepalive_timeout=limits.request,
            lingering_time=limits.lingering,
            max_line_size=limits.line,
            max_field_size=limits.field,
            max_headers=limits.fields,
        )
        self._answer_within = limits.answer
        self.waits_since: float | None = loop.time()

    async def send(self, request: web.Request, response: web.Response) -> web.StreamResponse:
        """Send an answer piece by piece; one that is not taken in time is cut off."""
        self.waits_since = self._loop.time()
        body = memoryview(response.body if isinstance(response.body, bytes) else b"")
        stream = web.StreamResponse(status=response.status, headers=response.headers)
        stream.content_length = len(body)
        try:
            async with asyncio.timeout(self._answer_within):
                writer = await stream.prepare(request)
                for start in range(0, len(body) if request.method != "HEAD" else 0, _CHUNK):
                    await stream.write(body[start : start + _CHUNK])
                await stream.write_eof()
                if writer is not None:
                    await writer.drain()
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
        return stream

    def cut_off(self, client: socket.socket) -> None:
        """Close the connection, whatever it is about, in the loop's next round."""
        self.waits_since = self._loop.time()
        if self.transport is not None:
            self.transport.abort()
            return
        try:
            client.shutdown(socket.SHUT_RDWR)  # in the handshake: asyncio has the transport
        except OSError:
            pass  # it has gone by itself

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; one that aiohttp has made before our handlers had a say becomes a bare status."""
        if isinstance(resp, web.HTTPException):
            resp = web.Response(status=resp.status, text=bare(resp.status), headers=COMMON_HEADERS)
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is no HTTP with a bare status, and close: no traceback, no echo."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another answer is sent already")
        response = web.Response(status=status, text=bare(status), headers=COMMON_HEADERS)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log nothing: what clients do wrong would fill the scraper's log."""


def bare(status: int) -> str:
    """Return the text of an answer that says its status and nothing else."""
    return f"{status} {HTTPStatus(status).phrase}\n"


class Acceptor:
    """Accepts clients, a limited number at a time: when it is full, who keeps us waiting longest makes room."""

    def __init__(self, server: web.Server, limits: Limits, tls: Callable[[], ssl.SSLContext | None]) -> None:
        self._server = server
        self._limits = limits
        self._tls = tls
        self._open: dict[socket.socket, Connection] = {}
        self._arriving: set[asyncio.Task[None]] = set()

    def clients(self) -> list[socket.socket]:
        """Return the sockets of the clients that are connected now."""
        return list(self._open)

    async def accept(self, listening: socket.socket) -> None:
        """Accept until it is cancelled."""
        loop = asyncio.get_running_loop()
        listening.setblocking(False)
        ending = loop.create_task(self._end_idle(loop))
        try:
            while True:
                await self._make_room(loop)
                self._admit(loop, await _next_client(loop, listening))
        finally:
            for task in (ending, *self._arriving):
                task.cancel()

    async def close(self) -> None:
        """Let go of all clients, also of those that aiohttp has left to take the rest of an answer."""
        for client, connection in self._open.items():
            if client.fileno() != -1:
                connection.cut_off(client)
        for _ in range(_CLOSING_ROUNDS):
            if all(client.fileno() == -1 for client in self._open):
                return
            await asyncio.sleep(_CLOSING)

    async def _end_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let go of who sends no whole request in time; aiohttp does so since 3.14.4, and not in a handshake."""
        while True:
            await asyncio.sleep(min(1.0, self._limits.request / 2))
            for client, connection in list(self._open.items()):
                since = connection.waits_since
                if since is not None and client.fileno() != -1 and loop.time() - since > self._limits.request:
                    connection.cut_off(client)

    def _admit(self, loop: asyncio.AbstractEventLoop, client: socket.socket) -> None:
        self._open[client] = connection = Connection(self._server, loop, self._limits)
        arriving = loop.create_task(self._connect(loop, client, connection))
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arriving.discard)

    async def _connect(self, loop: asyncio.AbstractEventLoop, client: socket.socket, connection: Connection) -> None:
        tls = self._tls()
        within = self._limits.handshake if tls is not None else None
        try:
            await loop.connect_accepted_socket(
                lambda: connection, client, ssl=tls, ssl_handshake_timeout=within, ssl_shutdown_timeout=within
            )
        except OSError:  # no handshake; asyncio has closed the socket
            pass

    async def _make_room(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            self._open = {client: connection for client, connection in self._open.items() if client.fileno() != -1}
            if len(self._open) < self._limits.connections:
                return
            waiting = [(connection.waits_since or loop.time(), client) for client, connection in self._open.items()]
            since, longest = min(waiting, key=lambda each: each[0])
            if loop.time() - since < self._limits.patience:
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                self._open[longest].cut_off(longest)
                await asyncio.sleep(_CLOSING)


async def _next_client(loop: asyncio.AbstractEventLoop, listening: socket.socket) -> socket.socket:
    while True:
        try:
            return (await loop.sock_accept(listening))[0]
        except OSError:  # no descriptor is left, or the client has gone again
            await asyncio.sleep(_LOOK_AGAIN)
