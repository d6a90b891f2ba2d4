"""/health tells the truth: what is wrong turns its component, and the status; what was wrong is counted."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import psutil
import pytest
from opentelemetry.metrics import CallbackOptions, Observation

from phoenix_otel import Telemetry, configure_telemetry
from tests.http import fetch, samples
from tests.reliability.receiver import http_receiver
from tests.reliability.scraping import eventually


def health(telemetry: Telemetry) -> tuple[int, dict[str, Any]]:
    """Return status code and components."""
    answer = fetch(telemetry.url, "/health")
    return answer.status, json.loads(answer.body)["components"]


def metric(telemetry: Telemetry, name: str, **labels: str) -> float:
    return samples(fetch(telemetry.url, "/metrics").text)[name, tuple(sorted(labels.items()))]


def end_thread(name: str) -> None:
    """Let a thread die, as nothing that it does itself could: an exception from outside."""
    thread = next(thread for thread in threading.enumerate() if thread.name == name)
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


def test_all_is_well() -> None:
    telemetry = configure_telemetry(port=0)
    telemetry.collector.proxy.record_rotation()

    status, components = health(telemetry)
    assert (status, {each["status"] for each in components.values()}) == (200, {"ok"})
    assert set(components) == {"records", "event_loop", "endpoint", "system_sampler"}


async def test_a_stuck_event_loop() -> None:
    telemetry = configure_telemetry(port=0, max_loop_lag=0.3)
    telemetry.collector.watch_loop()
    await asyncio.sleep(0.3)
    assert (await asyncio.to_thread(health, telemetry))[0] == 200

    found: list[tuple[int, dict[str, Any]]] = []
    released = threading.Event()

    def look() -> None:
        eventually(lambda: health(telemetry)[0] == 503)
        found.append(health(telemetry))
        released.set()

    threading.Thread(target=look).start()
    released.wait(20)  # here the loop is stuck
    assert found[0][1]["event_loop"]["status"] == "failing"
    assert found[0][1]["event_loop"]["lag_seconds"] > 0.3
    await asyncio.sleep(0.3)
    assert (await asyncio.to_thread(health, telemetry))[0] == 200


def test_nothing_is_recorded() -> None:
    telemetry = configure_telemetry(port=0, max_record_age=0.2)
    telemetry.collector.proxy.record_rotation()
    assert health(telemetry)[0] == 200

    eventually(lambda: health(telemetry)[0] == 503)
    assert health(telemetry)[1]["records"]["status"] == "failing"
    telemetry.collector.proxy.record_rotation()
    assert health(telemetry)[0] == 200


def test_a_host_that_cannot_be_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of the network that is gone lets whoever asks for it hang."""
    go_on = threading.Event()
    telemetry = configure_telemetry(port=0, collection_interval=0.01)
    eventually(lambda: health(telemetry)[0] == 200)
    real = psutil.virtual_memory
    monkeypatch.setattr(psutil, "virtual_memory", lambda: (go_on.wait(30), real())[1])

    try:
        eventually(lambda: health(telemetry)[1]["system_sampler"]["status"] == "failing")
        assert health(telemetry)[0] == 503
        assert health(telemetry)[1]["system_sampler"]["sample_age_seconds"] > 5
    finally:
        monkeypatch.undo()
        go_on.set()
    telemetry.shutdown()


def scrape_in_vain(url: str) -> None:
    with suppress(OSError, HTTPException):
        fetch(url, "/metrics")


THREADS = {
    "push": ("phoenix-otel-push", "otlp_push"),
    "endpoint": ("phoenix-otel-server", "endpoint"),
    "endpoint, its worker": ("phoenix-otel-render", "endpoint"),
    "sampler": ("phoenix-otel-sampler", "system_sampler"),
}


@pytest.mark.usefixtures("production")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("which", THREADS)
def test_a_thread_that_dies_is_started_again_and_counted(which: str, caplog: pytest.LogCaptureFixture) -> None:
    thread, component = THREADS[which]
    with http_receiver() as receiver, caplog.at_level(logging.WARNING):
        telemetry = configure_telemetry(port=0, otlp_endpoint=receiver.endpoint, collection_interval=0.05)
        telemetry.collector.proxy.record_rotation()
        url = telemetry.url
        end_thread(thread)
        threading.Thread(target=scrape_in_vain, args=(url,)).start()  # dying threads have to wake up for it

        def restarted() -> bool:
            try:
                return bool(health(telemetry)[1][component]["restarts"] == 1)
            except (OSError, ValueError):
                return False

        eventually(restarted)
        assert telemetry.url == url
        status, components = health(telemetry)
        assert (status, components[component]["status"]) == (503, "failing")
        assert metric(telemetry, "phoenix_otel_thread_restarts_total", thread=which.partition(",")[0]) == 1
        before = receiver.requests
        eventually(lambda: receiver.requests > before)
        eventually(lambda: "system_cpu_usage_percent" in fetch(url, "/metrics").text)
        telemetry.shutdown()
    said = [record.getMessage() for record in caplog.records if "has died" in record.getMessage()]
    assert len(said) == 1


@pytest.mark.usefixtures("production")
def test_a_callback_that_blocks_holds_up_neither_health_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phoenix_otel.pipeline.worker.LIMIT", 0.3)
    telemetry = configure_telemetry(port=0)
    go_on = threading.Event()

    def blocks(_: CallbackOptions) -> Iterable[Observation]:
        go_on.wait(30)
        return []

    telemetry.meter.create_observable_gauge("blocks", [blocks])
    assert fetch(telemetry.url, "/metrics").status == 503
    eventually(lambda: health(telemetry)[1]["endpoint"]["collection_stuck"])
    assert health(telemetry)[0] == 503
    began = time.monotonic()
    assert [fetch(telemetry.url, "/metrics").status for _ in range(50)] == [503] * 50
    print(f"50 scrapes behind a stuck one: answered in {time.monotonic() - began:.2f} s, none queued")  # noqa: T201
    go_on.set()
    eventually(lambda: health(telemetry)[0] == 200)
    assert fetch(telemetry.url, "/metrics").status == 200
    assert metric(telemetry, "phoenix_otel_internal_errors_total") == 51


@pytest.mark.usefixtures("production")
def test_a_source_that_raises_is_contained_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    class Pool:
        """Somebody's pool."""

    def read(_: Pool) -> Any:
        raise RuntimeError("postgres://user:secret@host")

    pool = Pool()
    with caplog.at_level(logging.WARNING):
        telemetry = configure_telemetry(port=0)
        telemetry.collector.database.observe_pools(pool, read)
        telemetry.collector.proxy.record_rotation()
        for _ in range(3):
            assert fetch(telemetry.url, "/metrics").status == 200
    assert metric(telemetry, "proxy_rotations_total") == 1
    assert metric(telemetry, "phoenix_otel_internal_errors_total") >= 3
    assert "secret" not in caplog.text
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(set(said))


@pytest.mark.usefixtures("production")
def test_refused_values_are_counted() -> None:
    telemetry = configure_telemetry(port=0)
    for value in (float("nan"), -1.0, "many"):
        telemetry.collector.scraper.record_content_size(value, "search")  # type: ignore[arg-type]
    assert metric(telemetry, "phoenix_otel_refused_values_total") == 3
