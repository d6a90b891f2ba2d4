"""How late the scraper's event loop is."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_HEARTBEAT: Final = 0.25


class LoopMonitor:
    """A heartbeat in the scraper's event loop: how late it is tells how long the loop has been busy or stuck."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = 0.0
        self._beating: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Watch the loop that runs here, if one does and none is watched already."""
        if self._loop is not None and self._loop.is_running():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._loop = loop
        self._beat(loop)

    def stop(self) -> None:
        """Watch no loop; from any thread."""
        loop, beating = self._loop, self._beating
        self._loop = self._beating = None
        if loop is not None and beating is not None and not loop.is_closed():
            loop.call_soon_threadsafe(beating.cancel)

    def lag(self) -> float | None:
        """Return by how many seconds the loop is late; None while no loop is watched or running."""
        loop = self._loop
        if loop is None or not loop.is_running():
            return None
        return max(0.0, time.monotonic() - self._due)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is self._loop:
            self._due = time.monotonic() + _HEARTBEAT
            self._beating = loop.call_later(_HEARTBEAT, self._beat, loop)
