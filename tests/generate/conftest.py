"""Dashboards as they are generated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import DASHBOARDS, dashboard_json

Dashboards = dict[str, dict[str, Any]]


def generated(config: AlertConfig) -> Dashboards:
    """Return all dashboards by name."""
    return {name: json.loads(dashboard_json(name, config)) for name in DASHBOARDS}


@pytest.fixture(scope="package")
def dashboards() -> Dashboards:
    """Return the dashboards of the default configuration."""
    return generated(AlertConfig())
