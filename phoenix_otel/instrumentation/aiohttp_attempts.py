"""One attempt of an aiohttp request: from asking for a connection to the end of the answer's body."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import aiohttp

from phoenix_otel.instrumentation.http_exchange import Exchange, Recording, Target

_BREAKS: Final = (aiohttp.ClientError, TimeoutError, OSError, asyncio.CancelledError)
_SWITCHING_PROTOCOLS: Final = 101


class Attempt:
    """Follows one attempt through aiohttp; a redirect that is followed is an attempt of its own, and so is a retry."""

    def __init__(self, recording: Recording, target: Target) -> None:
        self.target = target
        self._recording = recording
        self._exchange = Exchange(recording, target)
        self._loop = asyncio.get_running_loop()
        self._handled_before = sys.exception()
        self._content: aiohttp.StreamReader | None = None
        self._starting = False
        self._connecting = 0.0

    def connecting(self) -> None:
        """Note that a new connection is being opened."""
        self._connecting = time.perf_counter()

    def connected(self, *, reused: bool) -> None:
        """Record the connection that the attempt got."""
        seconds = None if reused else time.perf_counter() - self._connecting
        self._recording.collector.http_client.record_connection(self.target.host, self.target.proxy_id, seconds)

    def awaiting_answer(self) -> None:
        """Note that the answer is being read: what becomes of the connection meanwhile will be told."""
        self._starting = True

    def answered(self, response: aiohttp.ClientResponse) -> None:
        """Record the answer's headers, and wait for its body."""
        self._starting = False
        self._exchange.answered(response.status, response.headers)
        if response.status == _SWITCHING_PROTOCOLS:
            self._exchange.without_body()
            return
        self._content = response.content
        response.content.on_eof(self._complete)

    def failed(self, error: BaseException) -> None:
        """Record an attempt without an answer."""
        self._starting = False
        self._exchange.failed(type(error).__name__)

    def released(self) -> None:
        """Note that the connection was given back or closed.

        Except at a body's regular end this may be called by a finaliser, where nothing may be recorded: that waits for
        the event loop.
        """
        if self._exchange.over or self._starting:
            return
        if self._content is not None and self._content.is_eof():
            self._complete()
            return
        error = sys.exception()
        broken = isinstance(error, _BREAKS) and error is not self._handled_before
        self._loop.call_soon_threadsafe(self._left, type(error).__name__ if broken else "")

    def _complete(self) -> None:
        with self._recording.collector.guard.section("watching an aiohttp body"):
            if self._content is not None:
                self._exchange.body_ended(_received(self._content), read_to_end=True)
                self._content = None

    def _left(self, error_type: str) -> None:
        with self._recording.collector.guard.section("watching an aiohttp body"):
            content, self._content = self._content, None
            if content is None:
                self._exchange.failed(error_type or "ConnectionClosed")
                return
            error = content.exception()
            if not error_type and error is not None and type(error) is not aiohttp.ClientConnectionError:
                error_type = type(error).__name__
            self._exchange.body_ended(_received(content), error_type)


def _received(content: aiohttp.StreamReader) -> int:
    """Return the bytes that arrived, before decompression where this version of aiohttp tells."""
    size = getattr(content, "total_raw_bytes", None)
    return int(getattr(content, "total_bytes", 0) if size is None else size)
