"""SIGTERM: the last push goes first, then the signal has the effect that it would have had."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_logger = logging.getLogger("phoenix_otel")

_EVENT_LOOPS: Final = ("asyncio", "uvloop")

Handler = Callable[[int, FrameType | None], Any]


class Termination:
    """Holds SIGTERM back while `last_push` runs in a thread: whoever is interrupted may hold a lock that it needs.

    `last_push` is called with whether the process ends then; it keeps to its own deadline. A second SIGTERM meanwhile
    is passed on at once. A program that ignores SIGTERM, or has given it to an event loop, is left alone: it ends in
    an orderly way, or not at all.
    """

    def __init__(self, last_push: Callable[[bool], object]) -> None:
        self._last_push = last_push
        self._found: Handler | signal.Handlers | None = None
        self._pushing: threading.Thread | None = None

    def install(self) -> None:
        """Take over SIGTERM; from another thread than the main one that is not possible, and nothing happens."""
        if threading.current_thread() is not threading.main_thread():
            _logger.debug("phoenix_otel: started outside the main thread; SIGTERM is left as it is")
            return
        found = signal.getsignal(signal.SIGTERM)
        of_a_loop = callable(found) and str(getattr(found, "__module__", "")).startswith(_EVENT_LOOPS)
        if found in (None, signal.SIG_IGN) or of_a_loop:
            return
        self._found = found if callable(found) else signal.SIG_DFL
        signal.signal(signal.SIGTERM, self._on_signal)

    def remove(self) -> None:
        """Give SIGTERM back as it was found, unless somebody else has taken it over since."""
        ours = self._found is not None and threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGTERM) == self._on_signal:
            signal.signal(signal.SIGTERM, self._found)

    def start_over(self) -> None:
        """Forget a push under way; for a child right after a fork."""
        self._pushing = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._pushing is None:
            self._pushing = threading.Thread(target=self._push, name="phoenix-otel-termination", daemon=True)
            try:
                self._pushing.start()
                return
            except RuntimeError:
                pass  # the interpreter is on its way out, and pushes anyway
        self._pushing = None
        self._pass_on(number, frame)

    def _push(self) -> None:
        self._last_push(self._found is signal.SIG_DFL)
        main = threading.main_thread().ident
        if self._pushing is threading.current_thread() and main is not None:
            signal.pthread_kill(main, signal.SIGTERM)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if callable(self._found):
            self._found(number, frame)
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
