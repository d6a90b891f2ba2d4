"""One scraped property is one tree of spans; without traces there is no span machinery at all."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from phoenix_otel import environment_variables as env
from tests.zero_code.conftest import Traced
from tests.zero_code.numbers import value
from tests.zero_code.programs import LAUNCHERS, run
from tests.zero_code.receiver import Span, receiving

PROBE = """\
import json, sys, threading
from opentelemetry import trace
print(json.dumps({
    "provider": type(trace.get_tracer_provider()).__name__,
    "recording": trace.get_tracer("x").start_span("x").is_recording(),
    "threads": [thread.name for thread in threading.enumerate() if "Span" in thread.name],
}))
"""


def children(traced: Traced) -> dict[bytes, list[Span]]:
    """Return spans by the id of their parent; those without one under the empty id."""
    found: defaultdict[bytes, list[Span]] = defaultdict(list)
    for span in traced.receiver.spans:
        found[span.parent].append(span)
    return found


def properties(traced: Traced) -> list[Span]:
    return [span for span in traced.receiver.spans if span.name == "scrape_property_details"]


def test_one_property_is_one_tree(traced: Traced) -> None:
    """A page that came at the first attempt was waited for, given a proxy, fetched, and stored."""
    below = children(traced)
    simple = ["GET", "get_next_proxy", "mark_success", "wait_if_needed", "zero_code.insert"]
    at_once = [root for root in properties(traced) if sorted(span.name for span in below[root.id]) == simple]

    assert at_once
    for root in at_once:
        assert root.parent == b""
        assert root.attributes == {
            "scraper.endpoint": "property_details",
            "scraper.attempt": 1,
            "scraper.outcome": "success",
        }
        assert root.service == "traced_scraper"
        for span in below[root.id]:
            assert span.trace == root.trace
            assert span.attributes["scraper.endpoint"] == "property_details"
            assert span.attributes["scraper.attempt"] == 1
            assert below[span.id] == []
            assert not span.failed


def test_every_root_is_a_call_of_the_scraper(traced: Traced) -> None:
    roots = Counter(span.name for span in children(traced)[b""])
    metrics = traced.pages["/metrics"]
    ended = Counter(str(span.attributes["scraper.outcome"]) for span in properties(traced))

    assert roots["search_properties_by_zipcode"] == 3
    assert roots["check_health"] == 4
    assert roots["scrape_property_details"] == len(properties(traced))
    assert roots["GET"] == roots["zero_code.insert"] == 0
    assert ended == {
        status: value(metrics, "scraper_requests_total", endpoint="property_details", status=status)
        for status in ("success", "failed")
    }


def test_failed_calls_say_what_they_failed_with_and_nothing_else(traced: Traced) -> None:
    failed = [span for span in properties(traced) if span.failed]

    assert {span.attributes["error.type"] for span in failed} == {"ListingGoneError"}
    assert {span.attributes["scraper.outcome"] for span in failed} == {"failed"}


def test_attempts_are_those_that_the_proxies_saw(traced: Traced) -> None:
    """A request that aiohttp sent again by itself is one span; the proxy that was not there saw nothing."""
    seen = {
        (proxy.proxy_id, entry.call_id, entry.attempt, entry.endpoint)
        for proxy in traced.world.proxies
        for entry in proxy.journal
        if entry.endpoint in ("search", "property_details")
    }
    there = {proxy.proxy_id for proxy in traced.world.proxies}
    spans = Counter(
        (span.attributes["scraper.endpoint"], span.attributes["scraper.attempt"])
        for span in traced.receiver.spans
        if span.name == "GET" and span.attributes["proxy_id"] in there and "/login" not in str(span.attributes)
        if "/health" not in str(span.attributes)
    )

    assert spans == Counter((endpoint, attempt) for _, _, attempt, endpoint in seen)
    assert spans["property_details", 2] > 0


def test_queries_are_spans_within_the_property(traced: Traced) -> None:
    metrics = traced.pages["/metrics"]
    ids = {span.id for span in properties(traced)}
    for operation in ("insert", "update"):
        spans = [span for span in traced.receiver.spans if span.name == f"zero_code.{operation}"]
        assert len(spans) == value(metrics, "database_queries_total", operation=operation)
        assert {span.parent for span in spans} <= ids


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_without_traces_there_is_no_span_machinery(launcher: str, tmp_path: Path) -> None:
    ended = run([*LAUNCHERS[launcher], sys.executable, "-c", PROBE], tmp_path)

    assert ended.err == ""
    assert json.loads(ended.out) == {"provider": "ProxyTracerProvider", "recording": False, "threads": []}


def test_with_traces_there_is(tmp_path: Path) -> None:
    with receiving() as receiver:
        variables = {env.OTEL_TRACES_EXPORTER: "otlp", env.OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint}
        ended = run([*LAUNCHERS["phoenix-otel run"], sys.executable, "-c", PROBE], tmp_path, **variables)

    seen = json.loads(ended.out)
    assert (seen["provider"], seen["recording"], len(seen["threads"])) == ("TracerProvider", True, 1)
