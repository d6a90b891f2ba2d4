"""What is made from files, such as a secret or a certificate: made anew when they are replaced."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_logger = logging.getLogger("phoenix_otel")

T = TypeVar("T")
_Stamp = tuple[int, int, int] | None


class Rotating(Generic[T]):
    """Holds what `make` returned; makes it again once one of the files is another one than before.

    Raises what `make` raises at first. Later on, OSError and ValueError leave the last one in place, with a warning.
    """

    def __init__(self, what: str, files: Sequence[str], make: Callable[[], T]) -> None:
        self._what = what
        self._files = tuple(files)
        self._make = make
        self._seen = self._stamps()
        self._made = make()

    def current(self) -> T:
        """Return the newest that could be made."""
        stamps = self._stamps()
        if stamps != self._seen:
            self._seen = stamps
            try:
                self._made = self._make()
                _logger.info("phoenix_otel: %s has changed and is read again", self._what)
            except (OSError, ValueError) as error:
                _logger.warning(
                    "phoenix_otel: %s has changed and cannot be read (%s); the last one stays",
                    self._what,
                    type(error).__name__,
                )
        return self._made

    def _stamps(self) -> tuple[_Stamp, ...]:
        return tuple(_stamp(path) for path in self._files)


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
