"""A small site on loopback: prints its URL and answers until it is killed."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def _serve() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="x" * 2000)

    application = web.Application()
    application.add_routes([web.get("/", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
