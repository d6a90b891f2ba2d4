"""Looks after the threads of telemetry: one that has died is started again, and counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

from phoenix_otel._guard import Guard

_logger = logging.getLogger("phoenix_otel")

_PERIOD: Final = 1.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked after; `name` is the value of the label `thread`."""

    name: str
    alive: Callable[[], bool]
    restart: Callable[[], object]


class Watchdog:
    """Looks each second, and calls `notice` then; `restarts` counts by name, from zero."""

    def __init__(self, watched: Sequence[Watched], notice: Sequence[Callable[[], object]], guard: Guard) -> None:
        self._watched = watched
        self._notice = notice
        self._guard = guard
        self._stop = Event()
        self._thread = Thread(target=self._run, name="phoenix-otel-watchdog", daemon=True)
        self._restarted: dict[str, float] = {}
        self.restarts = {each.name: 0 for each in watched}

    def start(self) -> None:
        """Start to look."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Look no more, waiting for at most `timeout` seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Tell whether anybody looks."""
        return self._thread.is_alive()

    def since_restart(self, name: str) -> float | None:
        """Return the seconds since a thread had to be started again; None if it never had."""
        at = self._restarted.get(name)
        return None if at is None else time.monotonic() - at

    def _run(self) -> None:
        while not self._stop.wait(_PERIOD):
            for notice in self._notice:
                with self._guard.section("watching the push"):
                    notice()
            for each in self._watched:
                with self._guard.section(f"starting {each.name} again"):
                    self._look_at(each)

    def _look_at(self, watched: Watched) -> None:
        if watched.alive() or self._stop.is_set():
            return
        _logger.warning("phoenix_otel: the thread of the %s has died and is started again", watched.name)
        watched.restart()
        self.restarts[watched.name] += 1
        self._restarted[watched.name] = time.monotonic()
