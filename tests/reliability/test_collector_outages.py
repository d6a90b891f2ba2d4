"""Whatever the Collector does instead of taking metrics: the scraper does not notice, and no total is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.http import fetch, samples
from tests.reliability.outages import BEHAVIOURS, misbehaving, unreachable
from tests.reliability.receiver import grpc_receiver, http_receiver
from tests.reliability.scraping import eventually, started
from tests.stack.process import free_port

COUNTER = "scraper.properties_scraped"
DEADLINE = 2.0
SLACK = 1.5
"""Seconds that a process needs to end that has nothing to do with the Collector, on a busy machine."""
VARIABLES: dict[str, object] = {
    "PHOENIX_OTEL_COLLECTION_INTERVAL": 0.2,
    "OTEL_EXPORTER_OTLP_TIMEOUT": 0.4,
    "PHOENIX_OTEL_SHUTDOWN_TIMEOUT": DEADLINE,
}
PROGRAM = """
import logging
logging.basicConfig(format="%(message)s", level=logging.INFO)
say(telemetry.url)
for line in iter(input, "end"):
    record(int(line))
    say("recorded")
"""
RECEIVERS = {"http/protobuf": http_receiver, "grpc": grpc_receiver}


@contextmanager
def outage(kind: str, port: int) -> Iterator[None]:
    if kind == "refused":
        yield
    else:
        with misbehaving(BEHAVIOURS[kind], port):
            yield


def numbers(url: str) -> dict[str, float]:
    found = samples(fetch(url, "/metrics").text)
    return {name: value for (name, labels), value in found.items() if name.startswith("phoenix_otel_export")}


@pytest.mark.parametrize("protocol", RECEIVERS)
@pytest.mark.parametrize("kind", ["refused", *BEHAVIOURS])
def test_an_outage_costs_a_line_at_each_end_and_no_total(kind: str, protocol: str, tmp_path: Path) -> None:
    if protocol == "grpc" and kind not in ("refused", "silent", "resets", "garbage"):
        pytest.skip("that is HTTP")
    port = free_port()
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        **VARIABLES,
    }
    with started(PROGRAM, tmp_path, **variables) as running:
        with outage(kind, port):
            url = running.tells()
            running.hears("40", "recorded")
            eventually(lambda: numbers(url)["phoenix_otel_export_failures_total"] >= 1)
            health = fetch(url, "/health")
            assert (health.status, json.loads(health.body)["components"]["otlp_push"]["status"]) == (503, "failing")
            assert "phoenix_otel_export_last_success_timestamp_seconds" not in numbers(url)
            running.hears("2", "recorded")
        with RECEIVERS[protocol](port) as receiver:
            if kind != "503":  # it wants to be left alone for an hour
                eventually(lambda: fetch(url, "/health").status == 200)
                assert numbers(url)["phoenix_otel_export_last_success_timestamp_seconds"] > 1.7e9
            ended = running.ends(says="end")
            assert receiver.total(COUNTER) == 42, ended
    assert ended.code == 0
    said = ["fails" if "fails" in line else "again" for line in ended.err.splitlines() if "pushing metrics" in line]
    assert said == ["fails", "again"], ended.err
    assert len(ended.err.splitlines()) <= 4, ended.err
    print(f"{protocol}, {kind}: recorded 42, arrived {receiver.total(COUNTER):.0f}, lost: 0")  # noqa: T201


@pytest.mark.parametrize("protocol", RECEIVERS)
@pytest.mark.parametrize("kind", ["refused", "silent", "no such host", "no TLS"])
def test_a_program_ends_within_the_deadline(kind: str, protocol: str, tmp_path: Path) -> None:
    with misbehaving(BEHAVIOURS["garbage" if kind == "no TLS" else "silent"]) as port:
        endpoints = {
            "refused": unreachable(),
            "no such host": unreachable(host="collector.invalid"),
            "no TLS": f"https://127.0.0.1:{port}",
        }
        endpoint = endpoints.get(kind, f"http://127.0.0.1:{port}")
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, **VARIABLES}
        with started(PROGRAM, tmp_path, **variables) as running:
            url = running.tells()
            running.hears("42", "recorded")
            eventually(lambda: numbers(url)["phoenix_otel_export_failures_total"] >= 1)
            ended = running.ends(says="end")
    assert ended.code == 0
    assert ended.seconds < DEADLINE + SLACK
    assert ["fails" in line for line in ended.err.splitlines()] == [True], ended.err
    print(f"{protocol}, {kind}: ended after {ended.seconds:.1f} s")  # noqa: T201


def test_memory_does_not_grow_in_an_outage(tmp_path: Path) -> None:
    program = """
        import psutil
        for number in range(500):
            scraper.record_property_scraped(str(number))
            scraper.record_response_time(0.1, str(number), "success")
        def pushes(number):
            goal = telemetry._pipeline.otlp.failures + number
            while telemetry._pipeline.otlp.failures < goal:
                time.sleep(0.01)
        pushes(20)
        before = psutil.Process().memory_info().rss
        pushes(60)
        say(psutil.Process().memory_info().rss - before)
    """
    variables = VARIABLES | {"PHOENIX_OTEL_COLLECTION_INTERVAL": 0.01, "OTEL_EXPORTER_OTLP_TIMEOUT": 0.1}
    with started(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=unreachable(), **variables) as running:
        grown = int(running.tells())
        print(f"60 failed pushes of 1000 series: {grown / 2**20:+.1f} MiB")  # noqa: T201
        assert grown < 8 * 2**20
