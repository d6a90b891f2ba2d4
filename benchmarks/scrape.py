"""What a scrape costs at many series, and what a series costs in memory; each peer and size in a process of its own."""

from __future__ import annotations

import gc
import time
from typing import Any, Final

import psutil

from benchmarks.peers import SCRAPED, series

SIZES: Final = (100, 1_000, 10_000, 100_000)
HISTOGRAMS: Final = 1_000


def measure_scrape(peer_name: str, kind: str, size: int) -> dict[str, Any]:
    """Return milliseconds of the first and of the best later scrape, bytes and lines of the body."""
    peer: Any = next(each for each in SCRAPED if each.name == peer_name)()
    record = peer.count_series if kind == "counter" else peer.observe_series
    for number in range(size):
        record(series(number))
    times = []
    body = b""
    for _ in range(4 if size >= 100_000 else 7):
        start = time.perf_counter()
        body = peer.scrape()
        times.append((time.perf_counter() - start) * 1e3)
    lines = sum(not line.startswith(b"#") for line in body.splitlines())
    return {"first_ms": times[0], "ms": min(times[1:]), "bytes": len(body), "lines": lines}


def measure_memory(peer_name: str, kind: str, size: int) -> float:
    """Return bytes of resident memory a series, after one scrape; what label values take is not counted."""
    peer: Any = next(each for each in SCRAPED if each.name == peer_name)()
    record = peer.count_series if kind == "counter" else peer.observe_series
    values = [series(number) for number in range(size + 100)]
    for each in values[:100]:
        record(each)
    peer.scrape()
    before = _resident()
    for each in values[100:]:
        record(each)
    _drop(peer.scrape())
    return (_resident() - before) / size


def _drop(_: bytes) -> None:
    """Let the body go."""


def _resident() -> int:
    """Return resident memory after giving back to the system what is free."""
    import ctypes

    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        pass  # not glibc
    return int(psutil.Process().memory_info().rss)
