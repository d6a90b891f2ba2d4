"""What the metrics must say, worked out from what the demo's own servers wrote down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

from phoenix_otel.demo.journal import NO_ANSWER, Exchange

_CALLS: Final = frozenset({"search", "property_details"})
_OK: Final = 200
_TOO_MANY: Final = 429
_PROXY_AT_FAULT: Final = frozenset({NO_ANSWER, 403, 407, 502})
_ERROR_TYPES: Final = {
    NO_ANSWER: "ProxyFailedError",
    302: "SessionExpiredError",
    401: "SessionExpiredError",
    403: "BlockedError",
    404: "ListingGoneError",
    407: "ProxyRefusedError",
    429: "RateLimitedError",
    502: "ProxyFailedError",
    503: "SiteUnavailableError",
}

Labels = tuple[tuple[str, str], ...]
Counts = Counter[Labels]


class Series(TypedDict):
    """One series: its labels and its value."""

    labels: dict[str, str]
    value: float


Truth = dict[str, list[Series]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that counted without telemetry's help.

    site, proxies: the journals (proxies by "host:port"). throttled: waits by source. queries: by operation
    and status. documents: by operation. connection_errors: by kind.
    """

    site: Sequence[Exchange]
    proxies: Mapping[str, Sequence[Exchange]]
    throttled: Mapping[str, int]
    collection: str
    queries: Mapping[tuple[str, str], int]
    documents: Mapping[str, int]
    connection_errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt as its proxy ended it."""

    proxy_id: str
    last: Exchange

    @property
    def status(self) -> str:
        return "failed" if self.last.status in _PROXY_AT_FAULT else "success"


def ground_truth(evidence: Evidence, labels: Mapping[str, str] | None = None) -> Truth:
    """Every counter and histogram count that the run must show; `labels` are added to each series."""
    attempts = _attempts(evidence.proxies)
    counted = (
        _scraper_truth(attempts)
        | _site_truth(evidence.site)
        | _proxy_truth(attempts)
        | _rate_limit_truth(attempts, evidence.throttled)
        | _database_truth(evidence)
    )
    extra = dict(labels or {})
    return {
        name: [{"labels": dict(key) | extra, "value": value} for key, value in sorted(counts.items()) if value]
        for name, counts in sorted(counted.items())
    }


def _attempts(journals: Mapping[str, Iterable[Exchange]]) -> list[_Attempt]:
    """The attempts in order; aiohttp sends a dropped GET once more, so an attempt's last exchange counts."""
    last: dict[tuple[str, str, int], _Attempt] = {}
    for proxy_id, journal in journals.items():
        for entry in journal:
            last[proxy_id, entry.call_id, entry.attempt] = _Attempt(proxy_id, entry)
    return list(last.values())


def _final_exchanges(attempts: Iterable[_Attempt]) -> list[Exchange]:
    final: dict[str, Exchange] = {}
    for entry in (attempt.last for attempt in attempts):
        if entry.endpoint in _CALLS and entry.attempt >= final.get(entry.call_id, entry).attempt:
            final[entry.call_id] = entry
    return list(final.values())


def _scraper_truth(attempts: Sequence[_Attempt]) -> dict[str, Counts]:
    requests, times, errors = Counts(), Counts(), Counts()
    for call in _final_exchanges(attempts):
        status = "success" if call.status == _OK else "failed"
        requests[_key(status=status, endpoint=call.endpoint, method="GET")] += 1
        times[_key(endpoint=call.endpoint, status=status)] += 1
        if status == "failed":
            errors[_key(error_type=_ERROR_TYPES[call.status], endpoint=call.endpoint)] += 1
    retries = Counts(
        _key(endpoint=attempt.last.endpoint, retry_number=str(attempt.last.attempt - 1))
        for attempt in attempts
        if attempt.last.endpoint in _CALLS and attempt.last.attempt > 1
    )
    return {
        "scraper_requests_total": requests,
        "scraper_response_time_seconds_count": times,
        "scraper_errors_total": errors,
        "scraper_retries_total": retries,
    }


def _site_truth(journal: Iterable[Exchange]) -> dict[str, Counts]:
    pages = {
        (entry.call_id, entry.attempt): entry
        for entry in journal
        if entry.endpoint == "property_details" and entry.status == _OK
    }
    size_key = _key(endpoint="property_details", content_type="html")
    return {
        "scraper_properties_scraped_total": Counts(
            _key(zipcode=page.zipcode, status="success") for page in pages.values()
        ),
        "scraper_content_size_bytes_count": Counts({size_key: len(pages)}),
        "scraper_content_size_bytes_sum": Counts({size_key: sum(page.size for page in pages.values())}),
    }


def _proxy_truth(attempts: Sequence[_Attempt]) -> dict[str, Counts]:
    checks = [attempt for attempt in attempts if attempt.last.endpoint == "health"]
    uses = [attempt for attempt in attempts if attempt.last.endpoint != "health"]
    return {
        "proxy_requests_total": Counts(_key(proxy_id=use.proxy_id, status=use.status) for use in uses),
        "proxy_rotations_total": Counts({(): len(uses)}),
        "proxy_response_time_seconds_count": Counts(
            _key(proxy_id=use.proxy_id) for use in uses if use.last.status != NO_ANSWER
        ),
        "proxy_health_check_duration_seconds_count": Counts(_key(proxy_id=check.proxy_id) for check in checks),
        "proxy_health_check_failures_total": Counts(
            _key(proxy_id=check.proxy_id, reason="unhealthy") for check in checks if check.last.status != _OK
        ),
    }


def _rate_limit_truth(attempts: Iterable[_Attempt], throttled: Mapping[str, int]) -> dict[str, Counts]:
    hits = Counts(
        _key(endpoint=attempt.last.endpoint, limit_type="server")
        for attempt in attempts
        if attempt.last.status == _TOO_MANY
    )
    hits.update({_key(endpoint=source, limit_type="throttle"): count for source, count in throttled.items()})
    waits = Counts()
    for key, count in hits.items():
        waits[_key(endpoint=dict(key)["endpoint"])] += count
    return {"rate_limit_hits_total": hits, "rate_limit_wait_time_seconds_count": waits}


def _database_truth(evidence: Evidence) -> dict[str, Counts]:
    collection = evidence.collection
    queries, durations = Counts(), Counts()
    for (operation, status), count in evidence.queries.items():
        queries[_key(operation=operation, collection=collection, status=status)] += count
        durations[_key(operation=operation, collection=collection)] += count
    return {
        "database_queries_total": queries,
        "database_query_duration_seconds_count": durations,
        "database_documents_total": Counts(
            {_key(operation=name, collection=collection): count for name, count in evidence.documents.items()}
        ),
        "database_connection_errors_total": Counts(
            {_key(error_type=kind): count for kind, count in evidence.connection_errors.items()}
        ),
    }


def _key(**labels: str) -> Labels:
    return tuple(sorted(labels.items()))
