"""Decorators and trackers for a scraper's own classes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import wrapt

from phoenix_otel.instrumentation import ProxyTracker, ScraperTracker
from phoenix_otel.recorders import MetricsCollector
from phoenix_otel.recorders.timing import Finish, Timing, outcome
from phoenix_otel.telemetry import get_hooks, get_metrics_collector

ClassT = TypeVar("ClassT", bound=type)
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def metrics_integrated_scraper(cls: ClassT) -> ClassT:
    """Record what objects of this scraper class do; methods keep their names, signatures, results and exceptions.

    Seen are search_properties_by_zipcode, scrape_property_details, scrape_properties_batch, maintain_session,
    handle_rate_limit, tenacity's retries, and the counters in self.stats; what the class lacks is left alone.
    """
    get_hooks().scraper.instrument(cls)
    return cls


def metrics_integrated_proxy_manager(cls: ClassT) -> ClassT:
    """Record what objects of this proxy manager class do; healthy and cooling proxies are counted when somebody looks.

    Seen are get_next_proxy, mark_success, mark_failed, check_health, and self.proxies with _is_proxy_available.
    """
    get_hooks().proxy_manager.instrument(cls)
    return cls


def metrics_integrated_rate_limiter(cls: ClassT) -> ClassT:
    """Record what objects of this rate limiter class do: wait_if_needed, and get_current_usage when somebody looks."""
    get_hooks().rate_limiter.instrument(cls)
    return cls


class ScraperMetricsIntegration(ScraperTracker):
    """Reports one scraper by hand; each of these has a session of its own."""

    def __init__(self, collector: MetricsCollector | None = None) -> None:
        super().__init__(collector or get_metrics_collector())


class ProxyMetricsIntegration(ProxyTracker):
    """Reports one proxy pool by hand; the counts of several add up."""

    def __init__(self, collector: MetricsCollector | None = None) -> None:
        super().__init__(collector or get_metrics_collector())


@dataclass(frozen=True, slots=True)
class _MetricType:
    """What metrics_decorator records: `report(labels, seconds, error)`; `defaults` for labels that are not given."""

    report: Callable[[Mapping[str, str], float, BaseException | None], None]
    defaults: Callable[[str], Mapping[str, str]]


def _report_request(labels: Mapping[str, str], seconds: float, error: BaseException | None) -> None:
    ScraperMetricsIntegration().track_finished_request(labels["endpoint"], seconds, error, labels["method"])


def _report_query(labels: Mapping[str, str], seconds: float, error: BaseException | None) -> None:
    get_metrics_collector().database.record_query(labels["operation"], labels["collection"], outcome(error), seconds)


def _report_proxy_request(labels: Mapping[str, str], seconds: float, error: BaseException | None) -> None:
    proxy = get_metrics_collector().proxy
    proxy.record_proxy_request(labels["proxy_id"], outcome(error))
    if error is None:
        proxy.record_proxy_response_time(labels["proxy_id"], seconds)


_METRIC_TYPES: Final[Mapping[str, _MetricType]] = {
    "request": _MetricType(_report_request, lambda name: {"endpoint": name, "method": "GET"}),
    "query": _MetricType(_report_query, lambda name: {"operation": name, "collection": "unknown"}),
    "proxy_request": _MetricType(_report_proxy_request, lambda _: {"proxy_id": "unknown"}),
}


def metrics_decorator(
    metric_type: str = "request", labels: Mapping[str, str] | None = None
) -> Callable[[FunctionT], FunctionT]:
    """Record every call of a function or coroutine function: a `request`, a database `query` or a `proxy_request`.

    Labels that are not given are the function's name (endpoint, operation), GET, or unknown.
    Raises ValueError for a metric type or a label that there is not.
    """
    if metric_type not in _METRIC_TYPES:
        raise ValueError(f"metric_type: {metric_type!r} is not allowed; allowed: {', '.join(_METRIC_TYPES)}")
    kind = _METRIC_TYPES[metric_type]
    if unknown := set(labels or ()) - set(kind.defaults("")):
        allowed = ", ".join(kind.defaults(""))
        raise ValueError(f"labels: {', '.join(sorted(unknown))} not allowed for {metric_type}; allowed: {allowed}")

    def decorate(function: FunctionT) -> FunctionT:
        chosen = {**kind.defaults(getattr(function, "__name__", "unknown")), **(labels or {})}

        def report(seconds: float, error: BaseException | None) -> None:
            kind.report(chosen, seconds, error)

        def around(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if inspect.iscoroutinefunction(wrapped):
                return _timed(wrapped(*args, **kwargs), report)
            with Timing(report):
                return wrapped(*args, **kwargs)

        return cast(FunctionT, wrapt.FunctionWrapper(function, around))

    return decorate


async def _timed(awaitable: Awaitable[Any], report: Finish) -> Any:
    get_metrics_collector().watch_loop()
    with Timing(report):
        return await awaitable
