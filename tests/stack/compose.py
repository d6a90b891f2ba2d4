"""What docker-compose.yml starts: tests start the same, natively."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from tests.stack.process import ROOT


def services() -> dict[str, Any]:
    """Return the services by name, as the file has them."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    return found


def command(service: str, replacing: Mapping[str, str] | None = None) -> list[str]:
    """Return a service's arguments, texts in them replaced: paths of its container by those of the test."""
    arguments: list[str] = list(services()[service]["command"])
    for old, new in (replacing or {}).items():
        assert any(old in argument for argument in arguments), f"{service} has no {old}"
        arguments = [argument.replace(old, new) for argument in arguments]
    return arguments
