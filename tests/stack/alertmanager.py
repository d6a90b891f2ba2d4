"""A real Alertmanager for tests, started with the flags of docker-compose.yml."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.http import fetch
from tests.stack import compose
from tests.stack.process import Server, binary, free_port


class AlertmanagerServer(Server):
    """Reads alertmanager.yml of `configuration`, and keeps its data and its log below `directory`."""

    def __init__(self, configuration: Path, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__("alertmanager", directory / "alertmanager.log")
        self._configuration = configuration
        self._data = directory / "data"
        self._address = f"127.0.0.1:{free_port()}"

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def command(self) -> Sequence[str]:
        here = {
            "--config.file": str(self._configuration / "alertmanager.yml"),
            "--storage.path": str(self._data),
            "--web.external-url": self.url,
        }
        flags = (argument.partition("=") for argument in compose.command("alertmanager"))
        flags_here = (f"{name}={here.get(name, value)}" for name, _, value in flags)
        return [binary("alertmanager", "prometheus-alertmanager"), *flags_here, f"--web.listen-address={self._address}"]

    def answers(self) -> bool:
        try:
            return fetch(self.url, "/-/ready").status == 200
        except OSError:
            return False

    def alerts(self) -> list[dict[str, Any]]:
        """Return all alerts that it knows, also those that are inhibited."""
        found: list[dict[str, Any]] = json.loads(fetch(self.url, "/api/v2/alerts").body)
        return found

    def send(self, alerts: Iterable[Mapping[str, str]]) -> None:
        """Send it alerts, given by their labels, as Prometheus does."""
        body = json.dumps([{"labels": dict(labels)} for labels in alerts])
        answer = fetch(self.url, "/api/v2/alerts", "POST", body, Content_Type="application/json")
        assert answer.status == 200, answer.text
