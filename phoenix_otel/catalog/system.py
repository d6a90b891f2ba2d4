"""The host and the scraper's own process."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.metric import Metric

CPU_USAGE: Final = Metric(
    name="system.cpu_usage",
    kind="gauge",
    unit="%",
    description="CPU use of the whole host, 100 being all cores busy",
)
MEMORY_USAGE: Final = Metric(
    name="system.memory_usage",
    kind="gauge",
    unit="%",
    description="Memory of the host that is in use",
)
MEMORY_USED: Final = Metric(
    name="system.memory_used",
    kind="gauge",
    unit="By",
    description="Memory of the host that is in use",
)
DISK_USAGE: Final = Metric(
    name="system.disk_usage",
    kind="gauge",
    unit="%",
    description="Space in use on each mounted disk",
    attributes=("path",),
)
NETWORK_BYTES_SENT: Final = Metric(
    name="system.network_bytes_sent",
    kind="counter",
    unit="",
    description="Bytes that the host has sent, all interfaces",
)
NETWORK_BYTES_RECEIVED: Final = Metric(
    name="system.network_bytes_received",
    kind="counter",
    unit="",
    description="Bytes that the host has received, all interfaces",
)
PROCESS_THREADS: Final = Metric(
    name="system.process_threads",
    kind="gauge",
    unit="{thread}",
    description="Threads of the scraper's process",
)
PROCESS_OPEN_FILES: Final = Metric(
    name="system.process_open_files",
    kind="gauge",
    unit="{file}",
    description="Open file descriptors (on Windows: handles) of the scraper's process",
)

METRICS: Final = (
    CPU_USAGE,
    MEMORY_USAGE,
    MEMORY_USED,
    DISK_USAGE,
    NETWORK_BYTES_SENT,
    NETWORK_BYTES_RECEIVED,
    PROCESS_THREADS,
    PROCESS_OPEN_FILES,
)
