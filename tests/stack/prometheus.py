"""A real Prometheus for tests, started as docker-compose.yml starts it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.http import fetch
from tests.stack.compose import command
from tests.stack.process import Server, binary, free_port, says_ok


class Sample(NamedTuple):
    """One series of an answer, its value now."""

    labels: Mapping[str, str]
    value: float


class PrometheusServer(Server):
    """Reads `configuration`/prometheus/; its data are kept below `directory`."""

    def __init__(self, configuration: Path, directory: Path) -> None:
        super().__init__("prometheus", directory / "prometheus.log")
        self._binary = binary("prometheus")
        self._configuration = configuration
        self._data = directory / "prometheus-data"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"

    def command(self) -> Sequence[str]:
        replaced = {
            "=/etc/prometheus/": f"={self._configuration}/prometheus/",
            "path=/prometheus": f"path={self._data}",
            "resend-delay=15s": "resend-delay=1s",
        }
        return [self._binary, *command("prometheus", replaced), f"--web.listen-address={self.address}"]

    def answers(self) -> bool:
        return says_ok(self.url, "/-/ready")

    def query(self, expression: str, time: float | None = None) -> list[Sample]:
        """Evaluate a query now, or at a time."""
        at = {"time": time} if time is not None else {}
        result = self._get("query", query=expression, **at)["result"]
        return [Sample(each["metric"], float(each["value"][1])) for each in result]

    def samples(self, selector: str, seconds: int) -> dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]:
        """Return each series' samples of the last so many seconds, as they were stored."""
        result = self._get("query", query=f"{selector}[{seconds}s]")["result"]
        return {
            tuple(sorted(each["metric"].items())): [(float(at), float(value)) for at, value in each["values"]]
            for each in result
        }

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in self.alerts() if alert["state"] == "firing"}

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or fire now."""
        found: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return found

    def _get(self, what: str, **parameters: object) -> Any:
        answer = fetch(self.url, f"/api/v1/{what}?{urlencode(parameters)}")
        assert answer.status == 200, f"{parameters}: {answer.text}"
        return json.loads(answer.text)["data"]
