"""Bodies that are not read to their end: broken, timed out, cancelled, or left by a scraper that has seen enough."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import aiohttp
import pytest

from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.aiohttp_watched import event_loop_turn, instrumented, read
from tests.instrumentation.http_numbers import bodies, bodies_ended, requests
from tests.instrumentation.http_origin import BROKEN_AFTER, PAGE, Origin, origin_running


async def test_a_body_that_breaks_off(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await read(session, f"{origin.url}/broken")
                await event_loop_turn()
    assert requests(recorded) == {("200", ""): 1}
    assert bodies(recorded) == {("200", "ClientPayloadError"): BROKEN_AFTER}
    assert bodies_ended(recorded) == {("200", "ClientPayloadError"): 1}


async def leave(origin: Origin, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{origin.url}/hangs") as response:
        await response.content.readexactly(len(PAGE))


async def time_out(origin: Origin, session: aiohttp.ClientSession) -> None:
    with pytest.raises(TimeoutError):
        await read(session, f"{origin.url}/hangs", timeout=aiohttp.ClientTimeout(total=0.2))


async def cancel(origin: Origin, session: aiohttp.ClientSession) -> None:
    reading = asyncio.create_task(read(session, f"{origin.url}/hangs"))
    await origin.hanging.wait()
    for _ in range(20):
        await event_loop_turn()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def raise_in_the_block(origin: Origin, session: aiohttp.ClientSession) -> None:
    async def look() -> None:
        async with session.get(f"{origin.url}/hangs") as response:
            await response.content.readexactly(len(PAGE))
            raise LookupError

    with pytest.raises(LookupError):
        await look()


async def leave_while_handling_an_error(origin: Origin, session: aiohttp.ClientSession) -> None:
    try:
        raise aiohttp.ClientError
    except aiohttp.ClientError:
        await leave(origin, session)


async def forget(origin: Origin, session: aiohttp.ClientSession) -> None:
    response = await session.get(f"{origin.url}/hangs")
    await response.content.readexactly(len(PAGE))
    del response
    gc.collect()


@pytest.mark.parametrize(
    ("ending", "error_type"),
    [
        (leave, ""),
        (raise_in_the_block, ""),
        (leave_while_handling_an_error, ""),
        (forget, ""),
        (time_out, "TimeoutError"),
        (cancel, "CancelledError"),
    ],
)
async def test_a_body_that_was_not_read_to_its_end(ending: Any, error_type: str, recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                await ending(origin, session)
            for _ in range(5):  # a connection is closed in several steps
                await event_loop_turn()
            gc.collect()
            await event_loop_turn()
    assert requests(recorded) == {("200", ""): 1}
    assert bodies(recorded) == {("200", error_type): len(PAGE)}
    assert bodies_ended(recorded) == ({("200", error_type): 1} if error_type else {})
