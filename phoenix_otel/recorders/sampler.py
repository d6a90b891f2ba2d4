"""Samples host and process with psutil, in one thread of its own: no collection ever waits for the operating system."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final, TypeVar

import psutil

from phoenix_otel._guard import Guard

ReadingT = TypeVar("ReadingT")

_FIRST_CPU_WINDOW: Final = 0.5
_IMAGE_FILE_SYSTEMS: Final = frozenset({"squashfs", "iso9660", "udf", "erofs"})
"""Read-only images are always full and no disk."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round found; what the platform does not tell is None. Percent are 0 to 100, sizes in bytes."""

    cpu_percent: float | None = None
    memory_percent: float | None = None
    memory_used: int | None = None
    disk_percent: Mapping[str, float] = field(default_factory=dict)
    network_sent: int | None = None
    network_received: int | None = None
    threads: int | None = None
    open_files: int | None = None


class SystemSampler:
    """One thread that samples every `interval` seconds; `latest` is the newest sample, `age()` how old it is."""

    def __init__(self, interval: float, guard: Guard) -> None:
        self.latest = Sample()
        self._interval = interval
        self._guard = guard
        self._sampled_at = time.monotonic()
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, or start it again after it has died; the first CPU figure follows half a second later."""
        self._thread = Thread(target=self._run, name="phoenix-otel-sampler", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop the thread, waiting for at most `timeout` seconds."""
        self._stop.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout)

    def age(self) -> float:
        """Return the seconds since the last complete sample, or since the start before the first one."""
        return time.monotonic() - self._sampled_at

    @property
    def alive(self) -> bool:
        """Tell whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def punctual(self) -> bool:
        """Tell whether the host was sampled lately: reading it may hang, as at a disk of the network that is gone."""
        return self.age() < 3 * self._interval + 5

    def _run(self) -> None:
        process = psutil.Process()
        psutil.cpu_percent(interval=None)  # the first reading of a thread is 0.0: it only marks the start
        self._sample(process, cpu=False)
        pause = min(_FIRST_CPU_WINDOW, self._interval)
        while not self._stop.wait(pause):
            pause = self._interval
            self._sample(process, cpu=True)

    def _sample(self, process: psutil.Process, *, cpu: bool) -> None:
        memory = self._ask(psutil.virtual_memory)
        network = self._ask(lambda: psutil.net_io_counters(nowrap=True))
        self.latest = Sample(
            cpu_percent=self._ask(lambda: psutil.cpu_percent(interval=None)) if cpu else None,
            memory_percent=memory and memory.percent,
            memory_used=memory and memory.used,
            disk_percent=self._ask(_disk_percent) or {},
            network_sent=network and network.bytes_sent,
            network_received=network and network.bytes_recv,
            threads=self._ask(process.num_threads),
            open_files=self._ask(getattr(process, "num_handles" if os.name == "nt" else "num_fds")),
        )
        self._sampled_at = time.monotonic()

    def _ask(self, read: Callable[[], ReadingT]) -> ReadingT | None:
        try:
            return read()
        except Exception as error:
            self._guard.caught("sampling the host", error)
            return None


def _disk_percent() -> dict[str, float]:
    """Return the use of each real disk by its shortest mount point; containers do not list the root, it is added."""
    mounts = {os.path.abspath(os.sep): ""}
    for partition in sorted(psutil.disk_partitions(all=False), key=lambda found: len(found.mountpoint)):
        read_only_image = partition.fstype in _IMAGE_FILE_SYSTEMS or "cdrom" in partition.opts
        if partition.device not in mounts.values() and not read_only_image and os.path.isdir(partition.mountpoint):
            mounts[partition.mountpoint] = partition.device
    usage: dict[str, float] = {}
    for path in mounts:
        try:
            usage[path] = psutil.disk_usage(path).percent
        except OSError:
            continue  # unmounted or forbidden meanwhile: one disk less, not an error
    return usage
