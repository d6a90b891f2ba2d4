"""aiohttp's client, watched for the length of a block."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from phoenix_otel.instrumentation.aiohttp_client import AiohttpClientInstrumentor
from phoenix_otel.testing import RecordedMetrics


@contextmanager
def instrumented(recorded: RecordedMetrics, **options: Any) -> Iterator[AiohttpClientInstrumentor]:
    instrumentor = AiohttpClientInstrumentor()
    instrumentor.instrument(collector=recorded.collector, **options)
    try:
        yield instrumentor
    finally:
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


async def read(session: aiohttp.ClientSession, url: str, **options: Any) -> bytes:
    async with session.get(url, **options) as response:
        return await response.read()


async def event_loop_turn() -> None:
    """Let what was scheduled so far run."""
    await asyncio.sleep(0)
