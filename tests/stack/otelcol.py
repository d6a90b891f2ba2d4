"""A real OpenTelemetry Collector for tests, with the components of collector-config/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from phoenix_otel.generate.collector_options import CollectorOptions
from tests.stack.process import Server, binary, free_port, says_ok


class CollectorServer(Server):
    """Reads one file; `options` are those that the file was made with."""

    def __init__(self, configuration: Path, options: CollectorOptions, directory: Path) -> None:
        super().__init__("otelcol", directory / f"{configuration.stem}.log")
        self._binary = binary("otelcol")
        self._configuration = configuration
        self._health = f"http://{options.health}"
        self.http = f"http://{options.http}"
        self.grpc = f"http://{options.grpc}"

    def command(self) -> Sequence[str]:
        return [self._binary, f"--config={self._configuration}"]

    def answers(self) -> bool:
        return says_ok(self._health, "/")


def loopback_options(directory: Path, **given: object) -> CollectorOptions:
    """Return options with free loopback ports and a queue below the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    addresses = ("grpc", "http", "prometheus", "health", "telemetry")
    ports = {name: f"127.0.0.1:{free_port()}" for name in addresses}
    queue = {"queue_directory": str(directory / "queue")}
    return CollectorOptions(**{**ports, **queue, **given})  # type: ignore[arg-type]
