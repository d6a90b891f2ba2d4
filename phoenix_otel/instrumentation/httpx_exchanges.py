"""Requests of httpx, recorded around its transports; bodies are counted as they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import httpx
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.util.http import get_excluded_urls

from phoenix_otel.instrumentation.http_exchange import Exchange, Recording, Target, host_port

_DEFAULT_PORTS: Final = {b"http": 80, b"https": 443, b"socks5": 1080, b"socks5h": 1080}


class Exchanges:
    """Wrappers for HTTPTransport.handle_request and AsyncHTTPTransport.handle_async_request."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._guard = recording.collector.guard
        self._excluded = get_excluded_urls("HTTPX")

    def handle(self, wrapped: Any, transport: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a request of the synchronous transport."""
        exchange = self._begin(transport, args, kwargs)
        if exchange is None:
            return wrapped(*args, **kwargs)
        try:
            response = wrapped(*args, **kwargs)
        except BaseException as error:
            self._fail(exchange, error)
            raise
        self._answered(exchange, response)
        return response

    async def handle_async(self, wrapped: Any, transport: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a request of the asynchronous transport."""
        exchange = self._begin(transport, args, kwargs)
        if exchange is None:
            return await wrapped(*args, **kwargs)
        try:
            response = await wrapped(*args, **kwargs)
        except BaseException as error:
            self._fail(exchange, error)
            raise
        self._answered(exchange, response)
        return response

    def _begin(self, transport: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exchange | None:
        if not self._recording.active:
            return None
        try:
            request: httpx.Request = args[0] if args else kwargs["request"]
            if not is_http_instrumentation_enabled() or self._excluded.url_disabled(str(request.url)):
                return None
            self._recording.collector.watch_loop()
            return Exchange(self._recording, _target(transport, request))
        except Exception as error:
            self._guard.caught("watching an httpx request", error)
            return None

    def _fail(self, exchange: Exchange, error: BaseException) -> None:
        with self._guard.section("watching an httpx request"):
            exchange.failed(type(error).__name__)

    def _answered(self, exchange: Exchange, response: httpx.Response) -> None:
        with self._guard.section("watching an httpx answer"):
            exchange.answered(response.status_code, response.headers)
            counted = _CountedStream if isinstance(response.stream, httpx.SyncByteStream) else _CountedAsyncStream
            response.stream = counted(response.stream, _Body(self._recording, exchange))


class _Body:
    """The body of one answer while it arrives."""

    def __init__(self, recording: Recording, exchange: Exchange) -> None:
        self.size = 0
        self._guard = recording.collector.guard
        self._exchange = exchange

    def ended(self, error: BaseException | None = None, *, read_to_end: bool = False) -> None:
        """Record the body; one that a generator was closed over is left unread, not broken."""
        broken = error is not None and not isinstance(error, GeneratorExit)
        with self._guard.section("watching an httpx body"):
            self._exchange.body_ended(self.size, type(error).__name__ if broken else "", read_to_end=read_to_end)


class _CountedStream(httpx.SyncByteStream):
    def __init__(self, stream: Any, body: _Body) -> None:
        self._stream = stream
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._body.size += len(chunk)
                yield chunk
        except BaseException as error:
            self._body.ended(error)
            raise
        self._body.ended(read_to_end=True)

    def close(self) -> None:
        self._stream.close()
        self._body.ended()


class _CountedAsyncStream(httpx.AsyncByteStream):
    def __init__(self, stream: Any, body: _Body) -> None:
        self._stream = stream
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._body.size += len(chunk)
                yield chunk
        except BaseException as error:
            self._body.ended(error)
            raise
        self._body.ended(read_to_end=True)

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._body.ended()


def _target(transport: Any, request: httpx.Request) -> Target:
    """Name the proxy of the transport's pool; httpx tells nobody else."""
    proxy = getattr(getattr(transport, "_pool", None), "_proxy_url", None)
    if proxy is None:
        return Target(request.method, request.url.host)
    proxy_id = host_port(proxy.host.decode("ascii"), proxy.port or _DEFAULT_PORTS.get(proxy.scheme))
    tunnelled = request.url.scheme == "https" or proxy.scheme.startswith(b"socks")
    return Target(request.method, request.url.host, proxy_id, tunnelled)
