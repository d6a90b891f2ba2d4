"""The demo, running in this process for the time of a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from phoenix_otel.demo.run import DemoOptions, World, run_demo


@asynccontextmanager
async def running_demo(port: int, *, faults: bool = False, mongo_uri: str | None = None) -> AsyncIterator[World]:
    """Run the demo until the block ends; `port` is its endpoint's."""
    started: asyncio.Future[World] = asyncio.get_running_loop().create_future()

    async def watch(world: World) -> None:
        started.set_result(world)
        await asyncio.Event().wait()

    options = DemoOptions(duration=0, port=port, faults=faults, mongo_uri=mongo_uri)
    running = asyncio.create_task(run_demo(options, watch))
    running.add_done_callback(lambda _: started.cancel())
    try:
        try:
            world = await started
        except asyncio.CancelledError:
            await running  # raises why the demo has not started
            raise
        yield world
    finally:
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            pass
