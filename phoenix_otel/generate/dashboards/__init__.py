"""Every dashboard, one module each. Add a panel in the module of its dashboard and run `make generate`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from phoenix_otel.config import ConfigError
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import database, overview, proxies, rate_limits, scraper, system
from phoenix_otel.generate.dashboards.panel import Dashboard

_MODULES: Final = (overview, scraper, proxies, rate_limits, database, system)

DASHBOARDS: Final[Mapping[str, Dashboard]] = MappingProxyType(
    {module.DASHBOARD.name: module.DASHBOARD for module in _MODULES}
)
"""By name, in the order in which people look at them."""


def dashboard_json(name: str, config: AlertConfig) -> str:
    """Return a dashboard as Grafana reads it; raises ConfigError if grafana-foundation-sdk is missing."""
    try:
        with warnings.catch_warnings():
            # the SDK recommends a newer format; the classic one is what every Grafana imports
            warnings.simplefilter("ignore", DeprecationWarning)
            from phoenix_otel.generate.dashboards.grafana import as_json
    except ImportError as error:
        message = "making dashboards needs grafana-foundation-sdk: pip install 'phoenix-otel[generate]'"
        raise ConfigError(message) from error
    return as_json(DASHBOARDS[name], config)
