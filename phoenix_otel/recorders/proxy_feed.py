"""Who counts proxy_requests_total: the scraper's proxy manager or the HTTP client, never both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet

ManagerT = TypeVar("ManagerT")


class ProxyFeed:
    """A request through a proxy is seen twice where manager and client are instrumented; this says who counts it.

    A manager that reports both outcomes (mark_success and mark_failed) knows best: while one lives, it counts and the
    client does not. Otherwise the client counts, and a manager that reports one outcome alone does only without it.
    """

    def __init__(self) -> None:
        self._managers: WeakKeyDictionary[Any, Callable[[Any], bool]] = WeakKeyDictionary()
        self._clients: WeakSet[object] = WeakSet()

    def watch_manager(self, manager: ManagerT, reports: Callable[[ManagerT], bool]) -> None:
        """Ask `reports(manager)` whether it reports both outcomes; the manager is held weakly."""
        self._managers[manager] = reports

    def client_reports(self, client: object, on: bool) -> None:
        """Say that this client instrumentation sees the requests through proxies, or does no more."""
        if on:
            self._clients.add(client)
        else:
            self._clients.discard(client)

    def client_counts(self) -> bool:
        """Tell whether the client instrumentations count."""
        return bool(self._clients) and not any(self._reports(manager) for manager in list(self._managers))

    def manager_counts(self, manager: object) -> bool:
        """Tell whether this manager counts."""
        return self._reports(manager) or not self.client_counts()

    def _reports(self, manager: object) -> bool:
        reports = self._managers.get(manager)
        return reports is not None and reports(manager)
