"""Telemetry never breaks its host: what goes wrong inside is swallowed, logged once and counted."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from phoenix_otel import redaction
from phoenix_otel.environment_variables import PHOENIX_OTEL_RAISE_INTERNAL_ERRORS

_logger = logging.getLogger("phoenix_otel")

_MAX_KINDS_LOGGED = 1000


class Guard:
    """Takes in errors of ours so that none reaches the scraper.

    `errors` counts bugs and broken callbacks, `refusals` values that no metric can hold. Each kind is logged once.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start at zero, and log each kind anew."""
        self.errors = 0
        self.refusals = 0
        self._logged: set[tuple[str, str]] = set()

    def caught(self, where: str, error: BaseException) -> None:
        """Count an error; log it the first time. Only the class is logged: a message may hold anything."""
        self.errors += 1
        if os.environ.get(PHOENIX_OTEL_RAISE_INTERNAL_ERRORS, "").strip().lower() == "true":
            raise error
        if self._first((where, type(error).__name__)):
            _logger.warning("phoenix_otel: %s failed with %s; the scraper goes on", where, type(error).__name__)
            if _logger.isEnabledFor(logging.DEBUG):
                told = redaction.text("".join(traceback.format_exception(error)))
                _logger.debug("phoenix_otel: %s\n%s", where, told)

    def refused(self, where: str, reason: str) -> None:
        """Count a value that cannot be recorded; log it the first time."""
        self.refusals += 1
        if self._first((where, reason)):
            _logger.warning("phoenix_otel: %s dropped a value: %s", where, reason)

    @contextmanager
    def section(self, where: str) -> Iterator[None]:
        """Guard a block; off the hot paths only, a context manager costs a microsecond."""
        try:
            yield
        except Exception as error:
            self.caught(where, error)

    def _first(self, kind: tuple[str, str]) -> bool:
        if kind in self._logged or len(self._logged) >= _MAX_KINDS_LOGGED:
            return False
        self._logged.add(kind)
        return True
