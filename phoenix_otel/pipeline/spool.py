"""Where the last state waits when nobody took it: one file of OTLP/JSON for each process that ended in an outage."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from opentelemetry.sdk.metrics.export import MetricsData

from phoenix_otel.pipeline import otlp_json

_logger = logging.getLogger("phoenix_otel")

_SUFFIX: Final = ".jsonl"
_SET_ASIDE: Final = ".refused"
_PATIENCE: Final = 3
"""So often may a file fail while other pushes arrive, before it is set aside."""


class Spool:
    """Files in `directory`, together at most `limit` bytes: the oldest go first, and are the first to be given up."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._directory = directory
        self._limit = limit
        self._strikes: dict[Path, int] = {}

    def keep(self, data: MetricsData) -> None:
        """Write one state as a file of its own; raises OSError where that cannot be."""
        line = (otlp_json.encode(data) + "\n").encode("utf-8")
        if len(line) > self._limit:
            _logger.warning("phoenix_otel: the last metrics are lost: %d bytes, more than spool_size", len(line))
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / f"{time.time_ns():020d}-{os.getpid()}{_SUFFIX}"
        unfinished = path.with_suffix(".part")
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(line)
        unfinished.rename(path)
        self._make_room()
        _logger.warning("phoenix_otel: the last metrics did not arrive; they are kept in %s", path)

    def resend(self, send: Callable[[MetricsData], bool]) -> None:
        """Send what waits, the oldest first, until something does not arrive; what has arrived is removed."""
        for path in self._files(_SUFFIX):
            try:
                data = otlp_json.decode(path.read_text("utf-8"))
            except FileNotFoundError:
                continue  # another process has sent it
            except ValueError:
                self._set_aside(path, "is no OTLP/JSON")
                continue
            if not send(data):
                self._strikes.setdefault(path, 0)
                return
            path.unlink(missing_ok=True)

    def blame(self) -> None:
        """Take note that pushes arrive again: what was refused now and then is set aside after some times."""
        for path in list(self._strikes):
            self._strikes[path] += 1
            if self._strikes[path] >= _PATIENCE:
                del self._strikes[path]
                if path.exists():
                    self._set_aside(path, "is refused by the receiver")

    def _set_aside(self, path: Path, reason: str) -> None:
        _logger.warning("phoenix_otel: %s %s and is set aside", path, reason)
        path.rename(path.with_suffix(_SET_ASIDE))

    def _files(self, *suffixes: str) -> Iterator[Path]:
        yield from sorted(path for path in self._directory.glob("*") if path.suffix in suffixes)

    def _make_room(self) -> None:
        sizes = {path: path.stat().st_size for path in self._files(_SUFFIX, _SET_ASIDE)}
        total = sum(sizes.values())
        for path, size in sizes.items():
            if total <= self._limit:
                return
            _logger.warning("phoenix_otel: %s is given up: the spool is full", path)
            path.unlink(missing_ok=True)
            total -= size
