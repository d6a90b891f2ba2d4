"""Where notifications arrive in tests: an SMTP server and a webhook."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.stack.process import free_port


class Inbox:
    """An SMTP server; `mails` are those that have arrived."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.port = free_port()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Take a mail in."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Inbox]:
        """Take mails in while the block runs."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    def subjects(self) -> list[str]:
        """Return the subjects, in order of arrival."""
        return [str(mail["Subject"]) for mail in self.mails]


class Hook:
    """An HTTP server; `calls` are the JSON documents that were posted."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hook]:
        """Take calls while the block runs; `url` is set."""
        application = web.Application()
        application.add_routes([web.post("/alerts", self._take)])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}/alerts"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.calls.append(await request.json())
        return web.Response()

    def alerts(self, status: str) -> set[str]:
        """Return the names of the alerts that it was told of as `firing` or `resolved`."""
        return {
            alert["labels"]["alertname"] for call in self.calls for alert in call["alerts"] if alert["status"] == status
        }


async def eventually(condition: Callable[[], object], within: float, what: Callable[[], object]) -> None:
    """Wait until something holds that servers bring about; `what` tells what there was instead."""
    deadline = asyncio.get_running_loop().time() + within
    while not await asyncio.to_thread(condition):
        assert asyncio.get_running_loop().time() < deadline, what()
        await asyncio.sleep(0.1)
