"""Counts that a scraper keeps itself, in `self.stats`, reconciled with what was seen and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class OwnCount:
    """One counter of `stats`: what it says beyond what was recorded is missing and still to be recorded.

    What hooks see and what the scraper counts are often the same events: the larger of the two totals is the truth.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._base: int | None = None
        self._last = 0
        self._recorded = 0

    def seen(self, count: int = 1) -> None:
        """Note that so many were recorded, or are about to be."""
        self._recorded += count

    def kept(self, scraper: Any) -> bool:
        """Tell whether the scraper keeps this count, and notice where it starts; it may be reset at any time."""
        stats = getattr(scraper, "stats", None)
        now = stats.get(self._key) if isinstance(stats, Mapping) else None
        if not isinstance(now, int):
            return False
        if self._base is None or now < self._last:
            self._base = now - self._recorded
        self._last = now
        return True

    def missing(self, scraper: Any) -> int:
        """Return how many the scraper has counted that were not recorded."""
        if not self.kept(scraper) or self._base is None:
            return 0
        return max(0, self._last - self._base - self._recorded)
