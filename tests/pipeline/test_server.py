"""The endpoint as HTTP clients see it."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import threading

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from phoenix_otel import Telemetry, configure_telemetry
from tests.http import families, fetch, samples


@pytest.fixture
def telemetry() -> Telemetry:
    telemetry = configure_telemetry(port=0, collection_interval=0.05)
    scraper = telemetry.collector.scraper
    scraper.record_request("success", "search")
    scraper.record_response_time(0.2, "search", "success")
    first_sample = threading.Event()
    while not telemetry.stats()["domains"]["system"]:
        first_sample.wait(0.01)
    return telemetry


def test_metrics_are_text_0_0_4_by_default(telemetry: Telemetry) -> None:
    answer = fetch(telemetry.url, "/metrics")

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert families(answer.text)["scraper_requests"].type == "counter"


def test_metrics_are_openmetrics_when_asked_for(telemetry: Telemetry) -> None:
    accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,*/*;q=0.1"
    answer = fetch(telemetry.url, "/metrics", Accept=accept)

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert answer.text.endswith("# EOF\n")
    parsed = {family.name: family for family in parse_openmetrics(answer.text)}
    assert parsed["scraper_response_time_seconds"].unit == "seconds"
    assert parsed["target"].type == "info"


def test_both_formats_say_the_same(telemetry: Telemetry) -> None:
    plain = families(fetch(telemetry.url, "/metrics").text)
    openmetrics = {
        f.name: f
        for f in parse_openmetrics(fetch(telemetry.url, "/metrics", Accept="application/openmetrics-text").text)
    }

    for name in ("scraper_requests", "scraper_response_time_seconds"):
        told = [
            {(s.name, *sorted(s.labels.items())): s.value for s in family.samples}
            for family in (plain[name], openmetrics[name])
        ]
        assert told[0] == told[1]


def test_metrics_are_compressed_when_asked_for(telemetry: Telemetry) -> None:
    answer = fetch(telemetry.url, "/metrics", Accept_Encoding="gzip")

    assert answer.headers["content-encoding"] == "gzip"
    assert "scraper_requests_total" in gzip.decompress(answer.body).decode()
    assert "content-encoding" not in fetch(telemetry.url, "/metrics").headers


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=abc", "nonsense;;;=", "text/html"])
def test_an_odd_accept_header_gets_an_answer(telemetry: Telemetry, accept: str) -> None:
    assert "scraper_requests" in fetch(telemetry.url, "/metrics", Accept=accept).text


def test_stats_are_the_current_values(telemetry: Telemetry) -> None:
    stats = json.loads(fetch(telemetry.url, "/stats").text)

    assert list(stats["domains"])[:5] == ["scraper", "proxy", "rate_limit", "database", "system"]
    requests = stats["domains"]["scraper"]["scraper_requests_total"]
    assert requests["type"] == "counter"
    assert requests["unit"] == "{request}"
    assert {"labels": {"endpoint": "search", "method": "GET", "status": "success"}, "value": 1} in requests["series"]
    (timing,) = stats["domains"]["scraper"]["scraper_response_time_seconds"]["series"]
    assert (timing["count"], timing["sum"]) == (1, 0.2)
    assert 0.1 <= timing["p50"] <= 0.25
    assert telemetry.stats()["domains"]["scraper"]["scraper_requests_total"] == requests


def test_the_page_shows_the_domains_and_needs_nothing_from_outside(telemetry: Telemetry) -> None:
    answer = fetch(telemetry.url, "/")

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    for heading in ("Scraper", "System"):
        assert f"<h2>{heading}</h2>" in answer.text
    for link in ('href="/metrics"', 'href="/stats"', 'href="/health"'):
        assert link in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text


def test_the_page_escapes_what_it_shows(telemetry: Telemetry) -> None:
    telemetry.collector.scraper.record_property_scraped("<script>alert(1)</script>")

    assert "<script>alert" not in fetch(telemetry.url, "/").text


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/metrics/../etc/passwd", "//", "/%2e%2e/"])
def test_what_is_not_there_is_404(telemetry: Telemetry, path: str) -> None:
    assert fetch(telemetry.url, path).status == 404


@pytest.mark.parametrize("path", ["/metrics", "/health", "/stats", "/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_wrong_methods_are_405_and_say_what_is_allowed(telemetry: Telemetry, path: str, method: str) -> None:
    answer = fetch(telemetry.url, path, method)

    assert answer.status == 405
    assert answer.headers["allow"] == "GET,HEAD"


@pytest.mark.parametrize("path", ["/metrics", "/health", "/stats", "/"])
def test_head_is_get_without_a_body(telemetry: Telemetry, path: str) -> None:
    answer = fetch(telemetry.url, path, "HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
    assert (
        answer.headers["content-type"].split(";")[0] == fetch(telemetry.url, path).headers["content-type"].split(";")[0]
    )


def test_path_and_host_can_be_chosen() -> None:
    telemetry = configure_telemetry(port=0, host="localhost", path="/internal/metrics")

    assert telemetry.url.startswith("http://localhost:")
    assert fetch(telemetry.url, "/internal/metrics").status == 200
    assert fetch(telemetry.url, "/metrics").status == 404


def test_a_busy_port_is_replaced_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, caplog.at_level(logging.WARNING, "phoenix_otel"):
        port = taken.getsockname()[1]
        telemetry = configure_telemetry(port=port)

        actual = int(telemetry.url.rsplit(":", 1)[1])
        assert actual != port
        assert fetch(telemetry.url, "/metrics").status == 200
        (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert str(port) in warning
        assert str(actual) in warning


@pytest.mark.usefixtures("production")
def test_a_collection_that_fails_is_503_without_a_word_about_why(telemetry: Telemetry) -> None:
    def broken(_: object) -> list[object]:
        raise RuntimeError("secret detail in /etc/place")

    telemetry.meter.create_observable_gauge("broken", [broken])  # type: ignore[list-item]
    answer = fetch(telemetry.url, "/metrics")

    assert answer.status in (200, 503)
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert fetch(telemetry.url, "/health").status == 200


def test_the_endpoint_answers_while_the_event_loop_is_stuck() -> None:
    async def scraper() -> tuple[int, int, dict[str, object]]:
        telemetry = configure_telemetry(port=0, max_loop_lag=0.2)
        found: list[tuple[int, int, dict[str, object]]] = []

        def look() -> None:
            deadline = threading.Event()
            while (health := fetch(telemetry.url, "/health")).status == 200:
                deadline.wait(0.01)
            found.append((health.status, fetch(telemetry.url, "/metrics").status, json.loads(health.text)))

        await asyncio.sleep(0)
        looking = threading.Thread(target=look)
        looking.start()
        looking.join()  # blocks the loop, as a scraper's bug would
        telemetry.shutdown()
        return found[0]

    health, metrics, report = asyncio.run(scraper())
    assert (health, metrics) == (503, 200)
    components = report["components"]
    assert isinstance(components, dict)
    assert report["status"] == "unhealthy"
    assert components["event_loop"]["status"] == "failing"
    assert components["event_loop"]["lag_seconds"] > 0.2


def test_health_tells_the_age_of_the_last_record(telemetry: Telemetry) -> None:
    report = json.loads(fetch(telemetry.url, "/health").text)

    assert report["status"] == "healthy"
    assert 0 <= report["components"]["records"]["last_record_age_seconds"] < 60
    assert report["components"]["event_loop"] == {"status": "ok", "lag_seconds": None}
    assert report["components"]["system_sampler"]["status"] == "ok"


def test_health_says_when_nothing_is_recorded_any_more() -> None:
    telemetry = configure_telemetry(port=0, max_record_age=0.05)
    waiting = threading.Event()
    while (answer := fetch(telemetry.url, "/health")).status == 200:
        waiting.wait(0.01)

    assert json.loads(answer.text)["components"]["records"]["status"] == "failing"
    telemetry.collector.proxy.record_rotation()
    assert fetch(telemetry.url, "/health").status == 200


def test_labels_are_on_every_series_and_in_the_resource() -> None:
    labels = {"service": "phoenix_mls", "environment": "prod", "team": "data"}
    telemetry = configure_telemetry(port=0, labels=labels)
    telemetry.collector.proxy.record_proxy_request("10.0.0.1:80", "success")

    text = fetch(telemetry.url, "/metrics").text
    for name, found in samples(text):
        if name == "target_info":
            info = dict(found)
        else:
            assert labels.items() <= dict(found).items()
    assert info["service_name"] == "phoenix_mls"
    assert info["deployment_environment_name"] == "prod"
    assert info["team"] == "data"
