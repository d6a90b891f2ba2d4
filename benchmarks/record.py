"""What one record costs, by instrument kind, at 1 and 8 threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.peers import PEERS

KINDS: Final = {"counter": "count", "histogram": "observe", "up-down counter": "move", "gauge": "put"}
THREADS: Final = 8
ROUNDS: Final = 15
RECORDS: Final = 10_000


def measure() -> dict[str, Any]:
    """Return nanoseconds a record: kind -> threads -> peer. All take turns; the best round of each counts."""
    peers: dict[str, Any] = {}
    for peer in PEERS:
        try:
            peers[peer.name] = peer()
        except ImportError:
            continue  # not installed
    return {
        f"{kind}, {threads} thread{'s' * (threads > 1)}": _best(
            {name: getattr(peer, method) for name, peer in peers.items()}, threads
        )
        for kind, method in KINDS.items()
        for threads in (1, THREADS)
    }


def _best(records: dict[str, Callable[[], None]], threads: int) -> dict[str, float]:
    best = dict.fromkeys(records, float("inf"))
    for _ in range(ROUNDS if threads == 1 else ROUNDS // 3):
        for name, record in records.items():
            best[name] = min(best[name], _time(record) if threads == 1 else _time_threads(record, threads))
    return best


def _time(record: Callable[[], None]) -> float:
    turns = range(RECORDS)
    start = time.perf_counter()
    for _ in turns:
        record()
    return (time.perf_counter() - start) / RECORDS * 1e9


def _time_threads(record: Callable[[], None], threads: int) -> float:
    """Return wall time over all records of all threads."""
    barrier = threading.Barrier(threads + 1)

    def work() -> None:
        barrier.wait()
        for _ in range(RECORDS):
            record()

    started = [threading.Thread(target=work) for _ in range(threads)]
    for thread in started:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in started:
        thread.join()
    return (time.perf_counter() - start) / RECORDS / threads * 1e9
