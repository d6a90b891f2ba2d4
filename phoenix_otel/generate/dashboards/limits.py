"""Where panels change their colour: where alerts fire, as they are tuned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_otel.generate.alert import SEVERITIES, Severity
from phoenix_otel.generate.alert_config import AlertConfig

GREEN: Final = "green"
COLOURS: Final[Mapping[Severity, str]] = {"critical": "red", "warning": "orange", "info": "blue"}
STATUS_COLOURS: Final = {"success": GREEN, "failed": COLOURS["critical"]}


def _threshold(threshold: float) -> float:
    return threshold


def _complement(threshold: float) -> float:
    """A limit for the share of successes, where a panel shows the share of failures."""
    return round(1 - threshold, 10)


def _one(_: float) -> float:
    """For alerts that fire at 0 of something, and have no threshold."""
    return 1


@dataclass(frozen=True, slots=True)
class Limit:
    """An alert fires above (or `below`) what `at` makes of its threshold."""

    alert: str
    below: bool = False
    at: Callable[[float], float] = _threshold

    def value(self, config: AlertConfig) -> float:
        """Return the value at which it begins."""
        return self.at(config.alerts[self.alert].threshold or 0)


SCRAPERS_UP: Final = (Limit("ScraperNotResponding", below=True, at=_one),)
FAILED_REQUESTS: Final = (Limit("HighScrapingFailureRate"), Limit("ScrapingSuccessRateLow", at=_complement))
RESPONSE_TIME: Final = (Limit("SlowResponseTime"),)
PROPERTIES: Final = (Limit("NoPropertiesScraped", below=True, at=_one),)
SESSION_VALID: Final = (Limit("SessionExpired", below=True, at=_one),)
SESSION_AGE: Final = (Limit("SessionAgeTooOld"),)
HEALTHY_PROXIES: Final = (
    Limit("NoHealthyProxies", below=True, at=_one),
    Limit("LowHealthyProxyCount", below=True),
)
FAILED_PROXY_REQUESTS: Final = (Limit("HighProxyFailureRate"),)
RATE_LIMIT_HITS: Final = (Limit("HighRateLimitHits"),)
CONNECTION_ERRORS: Final = (Limit("DatabaseConnectionFailures"),)
QUERY_DURATION: Final = (Limit("SlowDatabaseQueries"),)
MEMORY: Final = (Limit("HighMemoryUsage"),)


def steps(limits: Iterable[Limit], config: AlertConfig) -> list[tuple[float | None, str]]:
    """Return from where on which colour holds, upwards from None, that of the most severe alert firing there."""
    enabled = [limit for limit in limits if limit.alert not in config.disabled]
    values = sorted({limit.value(config) for limit in enabled})

    def colour(start: float) -> str:
        firing = {
            config.alerts[limit.alert].severity
            for limit in enabled
            if (start < limit.value(config) if limit.below else start >= limit.value(config))
        }
        return next((COLOURS[severity] for severity in SEVERITIES if severity in firing), GREEN)

    return [(None, colour(float("-inf"))), *((value, colour(value)) for value in values)]
