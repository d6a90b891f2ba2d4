"""The ground truth and the comparison, on journals small enough to count by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from phoenix_otel.demo.comparison import differences
from phoenix_otel.demo.ground_truth import Evidence, Truth, ground_truth
from phoenix_otel.demo.journal import NO_ANSWER, Exchange

A, B = "127.0.0.1:1", "127.0.0.1:2"
METRICS = """\
# TYPE hits_total counter
hits_total{kind="a"} 2.0
hits_total{kind="zero"} 0.0
# TYPE other_total counter
other_total{kind="a"} 7.0
"""


def truth(
    proxies: Mapping[str, Sequence[Exchange]], site: Sequence[Exchange] = (), labels: Mapping[str, str] | None = None
) -> Truth:
    evidence = Evidence(
        site=site,
        proxies=proxies,
        throttled={"search": 3},
        collection="c",
        queries={("update", "success"): 2, ("update", "failed"): 1},
        documents={"update": 5},
        connection_errors={"Timeout": 1},
    )
    return ground_truth(evidence, labels)


def values(found: Truth, metric: str) -> dict[tuple[str, ...], float]:
    return {tuple(value for _, value in sorted(one["labels"].items())): one["value"] for one in found[metric]}


def test_a_call_that_is_retried_until_it_succeeds() -> None:
    found = truth(
        {A: [Exchange("x", 1, "search", 403), Exchange("x", 3, "search", 200)], B: [Exchange("x", 2, "search", 503)]}
    )
    assert values(found, "scraper_requests_total") == {("search", "GET", "success"): 1}
    assert values(found, "scraper_response_time_seconds_count") == {("search", "success"): 1}
    assert values(found, "scraper_retries_total") == {("search", "1"): 1, ("search", "2"): 1}
    assert values(found, "scraper_errors_total") == {}
    assert values(found, "proxy_requests_total") == {(A, "failed"): 1, (A, "success"): 1, (B, "success"): 1}
    assert values(found, "proxy_rotations_total") == {(): 3}


@pytest.mark.parametrize(
    ("status", "error"), [(404, "ListingGoneError"), (NO_ANSWER, "ProxyFailedError"), (429, "RateLimitedError")]
)
def test_a_call_that_fails_is_an_error_of_its_last_outcome(status: int, error: str) -> None:
    found = truth({A: [Exchange("x", 1, "property_details", 503), Exchange("x", 2, "property_details", status)]})
    assert values(found, "scraper_requests_total") == {("property_details", "GET", "failed"): 1}
    assert values(found, "scraper_errors_total") == {("property_details", error): 1}


def test_a_get_that_the_client_library_sent_twice_is_one_attempt() -> None:
    dropped = Exchange("x", 1, "search", NO_ANSWER)
    assert values(truth({A: [dropped, dropped]}), "proxy_requests_total") == {(A, "failed"): 1}
    found = truth({A: [dropped, Exchange("x", 1, "search", 200)]})
    assert values(found, "proxy_requests_total") == {(A, "success"): 1}
    assert values(found, "proxy_response_time_seconds_count") == {(A,): 1}


def test_health_checks_are_no_requests() -> None:
    found = truth({A: [Exchange("h", 1, "health", 200)], B: [Exchange("i", 1, "health", 502)]})
    assert values(found, "proxy_health_check_duration_seconds_count") == {(A,): 1, (B,): 1}
    assert values(found, "proxy_health_check_failures_total") == {(B, "unhealthy"): 1}
    assert values(found, "proxy_requests_total") == {}
    assert values(found, "proxy_rotations_total") == {}


def test_logins_turn_proxies_but_are_no_calls() -> None:
    found = truth({A: [Exchange("l", 1, "session", 200)]})
    assert values(found, "proxy_rotations_total") == {(): 1}
    assert values(found, "scraper_requests_total") == {}


def test_rate_limits_of_the_site_and_of_the_scraper() -> None:
    found = truth({A: [Exchange("x", 1, "search", 429), Exchange("x", 2, "search", 200)]})
    assert values(found, "rate_limit_hits_total") == {("search", "server"): 1, ("search", "throttle"): 3}
    assert values(found, "rate_limit_wait_time_seconds_count") == {("search",): 4}


def test_pages_and_bytes_are_the_sites() -> None:
    page = Exchange("x", 1, "property_details", 200, zipcode="85001", size=700)
    found = truth({}, [page, Exchange("y", 1, "property_details", 404, zipcode="85001", size=9)])
    assert values(found, "scraper_properties_scraped_total") == {("success", "85001"): 1}
    assert values(found, "scraper_content_size_bytes_sum") == {("html", "property_details"): 700}


def test_the_database_is_the_stores() -> None:
    found = truth({})
    assert values(found, "database_queries_total") == {("c", "update", "success"): 2, ("c", "update", "failed"): 1}
    assert values(found, "database_query_duration_seconds_count") == {("c", "update"): 3}
    assert values(found, "database_documents_total") == {("c", "update"): 5}
    assert values(found, "database_connection_errors_total") == {("Timeout",): 1}


def test_labels_are_added_to_every_series() -> None:
    found = truth({}, labels={"service": "s"})
    assert {one["labels"]["service"] for series in found.values() for one in series} == {"s"}


@pytest.mark.parametrize(
    ("expected", "count"),
    [({"a": 2}, 0), ({"a": 3}, 1), ({}, 1), ({"a": 2, "b": 1}, 1), ({"b": 2}, 2), ({"a": 2, "zero": 0}, 0)],
)
def test_differences_are_seen_in_both_directions(expected: dict[str, float], count: int) -> None:
    wanted: Truth = {"hits_total": [{"labels": {"kind": kind}, "value": value} for kind, value in expected.items()]}
    assert len(differences(wanted, METRICS)) == count
