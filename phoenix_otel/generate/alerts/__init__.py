"""Every alert, one module a domain. Add one there, its runbook in docs/runbooks.md, its cases in tests/alerts/."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from phoenix_otel.generate.alert import SEVERITIES, Alert
from phoenix_otel.generate.alerts import database, proxy, rate_limit, scraper, system

_DOMAINS: Final = (scraper, proxy, rate_limit, database, system)

ALERTS: Final[Mapping[str, Alert]] = MappingProxyType(
    {
        alert.name: alert
        for severity in SEVERITIES
        for domain in _DOMAINS
        for alert in domain.ALERTS
        if alert.default.severity == severity
    }
)
"""By name, the most severe first."""
