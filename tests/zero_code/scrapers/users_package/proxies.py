"""The pool of proxies: they take turns, and one that fails twice running cools down."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

Proxy = dict[str, Any]


class ProxyManager:
    def __init__(self, urls: list[str], health: str) -> None:
        self.proxies = [_read(url) for url in urls]
        self._health = health
        self._failures: Counter[str] = Counter()
        self._cooling_until: dict[str, float] = {}
        self._turn = 0

    async def get_next_proxy(self) -> Proxy:
        available = self._get_available_proxies()
        if not available:
            raise LookupError("no healthy proxies")
        self._turn += 1
        return dict(available[self._turn % len(available)])

    async def mark_failed(self, proxy: Proxy) -> None:
        key = self._get_proxy_key(proxy)
        self._failures[key] += 1
        if self._failures[key] == 2:
            self._cooling_until[key] = time.monotonic() + 600

    async def mark_success(self, proxy: Proxy) -> None:
        self._failures[self._get_proxy_key(proxy)] = 0

    async def check_health(self, proxy: Proxy) -> bool:
        headers = {"X-Call-Id": uuid4().hex, "X-Attempt": "1"}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(self._health, proxy=proxy_url(proxy), headers=headers) as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def check_all_health(self) -> None:
        for proxy in self.proxies:
            if await self.check_health(proxy):
                await self.mark_success(proxy)

    async def check_recovery(self) -> None:
        for proxy in self.proxies:
            if not self._is_proxy_available(proxy) and await self.check_health(proxy):
                await self.mark_success(proxy)

    def _get_available_proxies(self) -> list[Proxy]:
        return [proxy for proxy in self.proxies if self._is_proxy_available(proxy)]

    def _is_proxy_available(self, proxy: Proxy) -> bool:
        return time.monotonic() >= self._cooling_until.get(self._get_proxy_key(proxy), 0.0)

    def _get_proxy_key(self, proxy: Proxy) -> str:
        return f"{proxy['host']}:{proxy['port']}"

    @property
    def resting(self) -> int:
        return len(self.proxies) - len(self._get_available_proxies())


def proxy_url(proxy: Proxy) -> str:
    return f"{proxy['type']}://{proxy['username']}:{proxy['password']}@{proxy['host']}:{proxy['port']}"


def _read(url: str) -> Proxy:
    parts = urlsplit(url)
    return {
        "host": parts.hostname,
        "port": parts.port,
        "type": parts.scheme,
        "username": parts.username,
        "password": parts.password,
    }
