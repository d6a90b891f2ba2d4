"""Shows the sampler's latest sample; no collection ever touches the operating system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from phoenix_otel.catalog import Metric, system
from phoenix_otel.recorders.instruments import Instruments, Reading
from phoenix_otel.recorders.sampler import Sample, SystemSampler


def _single(value: float | None) -> Iterable[Reading]:
    return [] if value is None else [((), value)]


_READINGS: Final[Mapping[Metric, Callable[[Sample], Iterable[Reading]]]] = {
    system.CPU_USAGE: lambda sample: _single(sample.cpu_percent),
    system.MEMORY_USAGE: lambda sample: _single(sample.memory_percent),
    system.MEMORY_USED: lambda sample: _single(sample.memory_used),
    system.DISK_USAGE: lambda sample: [((path,), percent) for path, percent in sample.disk_percent.items()],
    system.NETWORK_BYTES_SENT: lambda sample: _single(sample.network_sent),
    system.NETWORK_BYTES_RECEIVED: lambda sample: _single(sample.network_received),
    system.PROCESS_THREADS: lambda sample: _single(sample.threads),
    system.PROCESS_OPEN_FILES: lambda sample: _single(sample.open_files),
}


class SystemRecorder:
    """Gauges of the host and of the scraper's process, read from the sampler that is watched."""

    def __init__(self, instruments: Instruments) -> None:
        self._sampler: SystemSampler | None = None
        for metric in system.METRICS:
            instruments.observable(metric).ask(self, partial(_read, metric))

    def watch(self, sampler: SystemSampler | None) -> None:
        """Show this sampler's samples from now on, and no other's; None for nobody's."""
        self._sampler = sampler

    @property
    def sample(self) -> Sample:
        """The newest sample; an empty one while no sampler is watched."""
        return self._sampler.latest if self._sampler is not None else Sample()


def _read(metric: Metric, recorder: SystemRecorder) -> Iterable[Reading]:
    return _READINGS[metric](recorder.sample)
