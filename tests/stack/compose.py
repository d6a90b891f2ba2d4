"""What docker-compose.yml says, for tests that start the same natively."""

from __future__ import annotations

from typing import Any

import yaml

from tests.stack.process import ROOT


def service(name: str) -> dict[str, Any]:
    """Return a service as the file has it."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    found: dict[str, Any] = document["services"][name]
    return found


def command(name: str) -> list[str]:
    """Return the arguments that a service's process is started with."""
    return [str(argument) for argument in service(name)["command"]]
