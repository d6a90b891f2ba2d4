"""Work that is left behind when its time is up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Thread

_logger = logging.getLogger("phoenix_otel")


def within(timeout: float, work: Callable[[], object]) -> bool:
    """Run `work` in a thread that is left behind when the time is up; tell whether it ended, and well."""
    done: list[bool] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            _logger.warning("phoenix_otel: flushing or closing the metrics failed with %s", type(error).__name__)
        else:
            done.append(True)

    thread = Thread(target=run, name="phoenix-otel-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread can be started once the interpreter is on its way out
        run()
    else:
        thread.join(timeout)
    return bool(done)
