"""Recording rules: what alerts and dashboards share, computed once by Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from phoenix_otel.catalog import Metric, database, proxy, rate_limit, scraper
from phoenix_otel.generate.promql import INSTANCE, Query


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A query that Prometheus records as a series; `{range}` in the name is the window of its rates."""

    name: str
    expression: Callable[[Query], str]
    tells: str

    def record(self, query: Query) -> str:
        """The recorded series' name."""
        return self.name.format(range=query.range)


def _failed_ratio(metric: Metric) -> Callable[[Query], str]:
    return lambda query: query.failed_ratio(metric)


def _rate(metric: Metric) -> Callable[[Query], str]:
    return lambda query: query.rate(metric)


def _p95(metric: Metric) -> Callable[[Query], str]:
    return lambda query: query.p95(metric)


def _alive(query: Query) -> str:
    # a scraped one is `up`; of a pushed one there is target_info, or its counters where a pipeline leaves that out
    heard = " or ".join(
        query.series(metric) for metric in ("target_info", scraper.REQUESTS, scraper.PROPERTIES_SCRAPED)
    )
    return f"group by ({INSTANCE}) ({query.series('up')} == 1 or {heard})"


ALIVE: Final = RecordingRule("job_instance:scraper_alive:group", _alive, "1 for each scraper that can be heard")
REQUESTS: Final = RecordingRule(
    "job_instance:scraper_requests:rate{range}", _rate(scraper.REQUESTS), "requests per second"
)
FAILED_REQUESTS: Final = RecordingRule(
    "job_instance:scraper_requests_failed:ratio_rate{range}",
    _failed_ratio(scraper.REQUESTS),
    "share of requests that failed, 0 to 1",
)
RESPONSE_TIME: Final = RecordingRule(
    "job_instance:scraper_response_time_seconds:p95_rate{range}",
    _p95(scraper.RESPONSE_TIME),
    "95th percentile of response times, in seconds",
)
FAILED_PROXY_REQUESTS: Final = RecordingRule(
    "job_instance:proxy_requests_failed:ratio_rate{range}",
    _failed_ratio(proxy.REQUESTS),
    "share of requests through proxies that failed, 0 to 1",
)
RATE_LIMIT_HITS: Final = RecordingRule(
    "job_instance:rate_limit_hits:rate{range}", _rate(rate_limit.HITS), "rate limits hit, per second"
)
QUERY_DURATION: Final = RecordingRule(
    "job_instance:database_query_duration_seconds:p95_rate{range}",
    _p95(database.QUERY_DURATION),
    "95th percentile of database operations, in seconds",
)

RECORDING_RULES: Final = (
    ALIVE,
    REQUESTS,
    FAILED_REQUESTS,
    RESPONSE_TIME,
    FAILED_PROXY_REQUESTS,
    RATE_LIMIT_HITS,
    QUERY_DURATION,
)
