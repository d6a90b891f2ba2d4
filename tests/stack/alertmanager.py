"""A real Alertmanager for tests, started as docker-compose.yml starts it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.http import fetch
from tests.stack.compose import command
from tests.stack.process import Server, binary, free_port, says_ok


class AlertmanagerServer(Server):
    """Reads `configuration`/alertmanager/; its data are kept below `directory`."""

    def __init__(self, configuration: Path, directory: Path) -> None:
        super().__init__("alertmanager", directory / "alertmanager.log")
        self._binary = binary("alertmanager", "prometheus-alertmanager")
        self._configuration = configuration
        self._data = directory / "alertmanager-data"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"

    def command(self) -> Sequence[str]:
        replaced = {
            "=/etc/alertmanager/": f"={self._configuration}/alertmanager/",
            "path=/alertmanager": f"path={self._data}",
        }
        return [self._binary, *command("alertmanager", replaced), f"--web.listen-address={self.address}"]

    def answers(self) -> bool:
        return says_ok(self.url, "/-/ready")

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts it knows, each with its `status`."""
        found: list[dict[str, Any]] = json.loads(fetch(self.url, "/api/v2/alerts").text)
        return found

    def send(self, alerts: Iterable[Mapping[str, str]]) -> None:
        """Send it alerts, given by their labels, as Prometheus does."""
        body = json.dumps([{"labels": dict(labels)} for labels in alerts])
        answer = fetch(self.url, "/api/v2/alerts", "POST", body, Content_Type="application/json")
        assert answer.status == 200, answer.text
