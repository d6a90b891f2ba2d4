"""Nothing is lost between threads, readers, signal handlers, GC callbacks and forks."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
from phoenix_otel.sdk import MeterProvider
from tests.http import samples

THREADS = 8
ROUNDS = 6000
DELTA = AggregationTemporality.DELTA


@pytest.fixture(autouse=True)
def switch_often() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], None], *, meanwhile: Callable[[], None]) -> None:
    """Run `work` in several threads at once, and something else until they are done."""
    start = threading.Barrier(THREADS)

    def run(number: int) -> None:
        start.wait()
        work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        meanwhile()
    for thread in threads:
        thread.join()


def points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """Collect, and return the points of each metric."""
    data: Any = reader.get_metrics_data()
    scopes = data.resource_metrics[0].scope_metrics if data is not None else ()
    return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


def test_threads_lose_nothing_while_readers_collect() -> None:
    """Totals, deltas and the endpoint agree with what was recorded, on old series and on new ones."""
    totals, deltas = InMemoryMetricReader(), InMemoryMetricReader({Counter: DELTA, Histogram: DELTA})
    endpoint = PrometheusReader("own", {})
    provider = MeterProvider([totals, deltas, endpoint], shutdown_on_exit=False, cardinality_limit=100_000)
    meter = provider.get_meter("own")
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")
    added = {"c": 0.0, "h": 0.0, "h count": 0.0}

    def work(number: int) -> None:
        for step in range(ROUNDS):
            counter.add(1, {"kind": "shared"})
            counter.add(2, {"kind": "shared", "number": step % 7})
            histogram.record(step % 5, {"kind": "shared"})
            counter.add(1, {"kind": f"{number}-{step % 200}"})

    def meanwhile() -> None:
        found = points(deltas)
        added["c"] += sum(point.value for point in found.get("c", ()))
        for point in found.get("h", ()):
            assert point.count == sum(point.bucket_counts)
            added["h"] += point.sum
            added["h count"] += point.count
        shown = samples(endpoint.text(openmetrics=False).decode())
        if ("h_count", (("kind", "shared"),)) in shown:
            assert shown["h_count", (("kind", "shared"),)] == shown["h_bucket", (("kind", "shared"), ("le", "+Inf"))]

    in_threads(work, meanwhile=meanwhile)
    meanwhile()

    recorded = THREADS * ROUNDS
    found = points(totals)
    assert sum(point.value for point in found["c"]) == added["c"] == recorded * 4
    assert [(point.count, point.sum) for point in found["h"]] == [(recorded, recorded * 2)]
    assert (added["h count"], added["h"]) == (recorded, recorded * 2)
    assert len(found["c"]) == 1 + 7 + THREADS * 200
    shown = samples(endpoint.text(openmetrics=False).decode())
    assert sum(value for (name, _), value in shown.items() if name == "c_total") == recorded * 4


def test_a_reader_that_goes_takes_nothing_from_the_others() -> None:
    """Readers with deltas go one by one while another one collects: it gets all, and nothing twice."""
    going = [InMemoryMetricReader({Counter: DELTA}) for _ in range(60)]
    steady = InMemoryMetricReader({Counter: DELTA})
    provider = MeterProvider([*going, steady], shutdown_on_exit=False)
    counter = provider.get_meter("own").create_counter("c")
    collected = 0

    def go() -> None:
        for reader in going:
            provider.remove_metric_reader(reader)

    def work(number: int) -> None:
        for step in range(500):
            counter.add(1, {"kind": f"{number}-{step % 50}"})

    def collect() -> None:
        nonlocal collected
        collected += sum(point.value for point in points(steady).get("c", ()))

    other = threading.Thread(target=go)
    other.start()
    in_threads(work, meanwhile=collect)
    other.join()
    collect()

    assert collected == THREADS * 500


def test_bound_records_lose_nothing() -> None:
    reader = InMemoryMetricReader()
    counter: Any = MeterProvider([reader], shutdown_on_exit=False).get_meter("own").create_counter("c")
    counter.add(0, {"kind": "bound"})
    record = counter.recording_on({"kind": "bound"})

    def work(_: int) -> None:
        for _ in range(ROUNDS):
            record(1)

    in_threads(work, meanwhile=lambda: None)
    assert [point.value for point in points(reader)["c"]] == [THREADS * ROUNDS]


class Interrupted(float):
    """A number in the middle of whose addition another thread gets its turn."""

    def __radd__(self, other: Any) -> float:
        os.sched_yield()
        return float(other) + float(self)


def test_an_addition_that_another_thread_interrupts_is_not_lost() -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("own")
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")
    amount = Interrupted(1)

    def work(_: int) -> None:
        for _ in range(500):
            counter.add(amount, {"kind": "interrupted"})
            histogram.record(amount, {"kind": "interrupted"})

    in_threads(work, meanwhile=lambda: None)
    found = points(reader)
    assert found["c"][0].value == found["h"][0].sum == found["h"][0].count == THREADS * 500


def test_totals_beyond_the_limit_are_exact_in_threads() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False, cardinality_limit=50)
    counter = provider.get_meter("own").create_counter("c")

    def work(number: int) -> None:
        for step in range(300):
            counter.add(1, {"key": f"{number % 2}-{step}"})

    in_threads(work, meanwhile=lambda: None)
    found = points(reader)["c"]
    assert len(found) == 50
    assert sum(point.value for point in found) == THREADS * 300


@contextmanager
def gc_callback(callback: Callable[[], None]) -> Iterator[None]:
    """Call back at the start of each garbage collection, and collect as often as can be."""

    def called(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            callback()

    before = gc.get_threshold()
    gc.callbacks.append(called)
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(called)


@contextmanager
def signals(callback: Callable[[], None]) -> Iterator[None]:
    """Call back in a signal handler, every 50 microseconds."""
    before = signal.signal(signal.SIGALRM, lambda *_: callback())
    signal.setitimer(signal.ITIMER_REAL, 5e-5, 5e-5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("interrupting", [gc_callback, signals])
@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, DELTA])
def test_what_interrupts_a_record_can_record(interrupting: Any, temporality: AggregationTemporality) -> None:
    """A handler records on the same series, on other instruments and on new series, in the middle of anything."""
    reader = InMemoryMetricReader({Counter: temporality, Histogram: temporality})
    provider = MeterProvider([reader], shutdown_on_exit=False, cardinality_limit=1_000_000)
    meter = provider.get_meter("own")
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")
    interruptions = 0
    collected = {"c": 0, "h": 0}

    def interrupt() -> None:
        nonlocal interruptions
        interruptions += 1
        counter.add(1, {"kind": "shared"})
        histogram.record(1, {"kind": "shared"})
        counter.add(1, {"kind": f"interruption {interruptions % 500}"})
        counter.add(1, {"kind": f"step {interruptions % 500}"})

    def collect() -> None:
        found = points(reader)
        for name, value in (("c", "value"), ("h", "count")):
            shown = [repr(sorted(point.attributes.items())) for point in found.get(name, ())]
            assert len(shown) == len(set(shown)), "a series comes twice"
            total = sum(getattr(point, value) for point in found.get(name, ()))
            collected[name] = total if temporality is not DELTA else collected[name] + total

    steps = 3000
    with interrupting(interrupt):
        for step in range(steps):
            counter.add(1, {"kind": "shared"})
            histogram.record(1, {"kind": "shared"})
            counter.add(1, {"kind": f"step {step % 500}"})
            if step % 1000 == 999:
                collect()
    collect()

    assert interruptions > 10
    assert collected == {"c": 2 * steps + 3 * interruptions, "h": steps + interruptions}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_of_a_fork_goes_on_recording_while_the_lock_was_held() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("own").create_counter("c")
    counter.add(1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        assert provider.core is not None
        with provider.core.lock:
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # a deadlock ends the child
        counter.add(1)
        os._exit(0 if points(reader)["c"][0].value == 2 else 1)
    done.set()
    holder.join()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
