"""The host's numbers against psutil's own, and the sampler's thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from phoenix_otel._guard import Guard
from phoenix_otel.recorders import SystemSampler
from phoenix_otel.testing import RecordedMetrics


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until it is so; fail if it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        threading.Event().wait(0.01)


@pytest.fixture
def sampler(recorded: RecordedMetrics) -> SystemSampler:
    sampler = SystemSampler(0.05, recorded.collector.guard)
    recorded.collector.system.watch(sampler)
    return sampler


def test_gauges_show_what_psutil_says(recorded: RecordedMetrics, sampler: SystemSampler) -> None:
    sent_before = psutil.net_io_counters().bytes_sent
    sampler.start()
    eventually(lambda: bool(recorded.samples("system_cpu_usage_percent")))
    sampler.stop(5)

    assert 0 <= recorded.value("system_cpu_usage_percent") <= 100
    assert recorded.value("system_memory_usage_percent") == pytest.approx(psutil.virtual_memory().percent, abs=5)
    assert recorded.value("system_memory_used_bytes") == pytest.approx(psutil.virtual_memory().used, rel=0.2)
    root = os.path.abspath(os.sep)
    assert recorded.value("system_disk_usage_percent", path=root) == pytest.approx(
        psutil.disk_usage(root).percent, abs=2
    )
    assert sent_before <= recorded.value("system_network_bytes_sent_total") <= psutil.net_io_counters().bytes_sent
    assert recorded.value("system_network_bytes_received_total") > 0


def test_only_the_latest_sampler_is_shown(recorded: RecordedMetrics, sampler: SystemSampler) -> None:
    earlier = sampler
    earlier.start()
    eventually(lambda: earlier.latest.memory_used is not None)
    earlier.stop(5)
    later = SystemSampler(0.05, recorded.collector.guard)
    recorded.collector.system.watch(later)
    assert recorded.samples("system_memory_used_bytes") == []

    later.start()
    eventually(lambda: later.latest.memory_used is not None)
    later.stop(5)
    assert recorded.value("system_memory_used_bytes") == later.latest.memory_used


def test_threads_and_open_files_are_the_process_own(recorded: RecordedMetrics, sampler: SystemSampler) -> None:
    release = threading.Event()
    workers = [threading.Thread(target=release.wait) for _ in range(20)]
    files = [open(os.devnull) for _ in range(30)]  # noqa: SIM115 - they are to stay open
    for worker in workers:
        worker.start()
    sampler.start()
    eventually(lambda: sampler.latest.cpu_percent is not None)
    sampler.stop(5)
    release.set()

    assert recorded.value("system_process_threads") >= 22  # the workers, this thread, the sampler's
    assert recorded.value("system_process_open_files") >= 30
    for worker in workers:
        worker.join()
    for file in files:
        file.close()


def test_a_collection_never_asks_the_system(
    recorded: RecordedMetrics, sampler: SystemSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler.start()
    eventually(lambda: sampler.latest.cpu_percent is not None)
    sampler.stop(5)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a collection asked the operating system")

    for name in ("cpu_percent", "virtual_memory", "disk_usage", "net_io_counters", "disk_partitions"):
        monkeypatch.setattr(psutil, name, forbidden)
    assert recorded.samples("system_memory_used_bytes")


@pytest.mark.usefixtures("production")
def test_what_one_source_cannot_tell_does_not_hide_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_io_counters", denied)
    guard = Guard()
    sampler = SystemSampler(0.05, guard)
    sampler.start()
    eventually(lambda: sampler.latest.memory_used is not None)
    sampler.stop(5)

    assert sampler.latest.network_sent is None
    assert guard.errors > 0
    assert not sampler.alive


def test_disks_are_real_ones_by_their_mount_point(recorded: RecordedMetrics, sampler: SystemSampler) -> None:
    sampler.start()
    eventually(lambda: bool(sampler.latest.disk_percent))
    sampler.stop(5)

    paths = {sample.labels["path"] for sample in recorded.samples("system_disk_usage_percent")}
    assert os.path.abspath(os.sep) in paths
    assert all(os.path.ismount(path) for path in paths)
    assert not paths & {"/proc", "/sys", "/dev"}
