"""Instruments classes that are named: when their module is imported, or when they are made in __main__."""

from __future__ import annotations

import atexit
import builtins
import logging
import sys
from collections.abc import Callable, Collection
from functools import reduce
from multiprocessing import parent_process
from types import ModuleType
from typing import Any, ClassVar

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from phoenix_otel._guard import Guard
from phoenix_otel.class_targets import ClassTarget
from phoenix_otel.instrumentation.calls import Undo
from phoenix_otel.instrumentation.hooks import Hooks

_logger = logging.getLogger("phoenix_otel")

Instrument = Callable[[type], Undo]


class ClassWatch:
    """Waits for one class and instruments it, until it is stopped."""

    def __init__(self, target: ClassTarget, instrument: Instrument, guard: Guard) -> None:
        self._target = target
        self._instrument = instrument
        self._guard = guard
        self._active = True
        self._found = False
        self._undo: list[Undo] = []

    def start(self) -> None:
        """Instrument the class now if its module is imported already, else as soon as it is."""
        atexit.register(self._tell_if_missing)
        if self._target.module == "__main__":
            self._undo.append(_classes_of_main.when_made(self._target.name, self._made, self._guard))
            there = self._look_up(sys.modules["__main__"])
            if isinstance(there, type):
                self._made(there)
        else:
            wrapt.register_post_import_hook(self._imported, self._target.module)

    def stop(self) -> None:
        """Put the class back as it was, and wait no longer."""
        self._active = False
        atexit.unregister(self._tell_if_missing)
        while self._undo:
            self._undo.pop()()

    def _imported(self, module: ModuleType) -> None:
        if not self._active:
            return
        with self._guard.section(f"instrumenting {self._target}"):
            self._made(self._look_up(module))

    def _look_up(self, module: ModuleType) -> Any:
        try:
            return reduce(getattr, self._target.name.split("."), module)
        except AttributeError:
            return None

    def _tell_if_missing(self) -> None:
        """Say at the end that the class was never made, or its module never imported: before, it may still come."""
        if not self._found and parent_process() is None:
            _logger.warning("phoenix_otel: no class %s has come up; nothing of it was recorded", self._target)

    def _made(self, found: Any) -> None:
        self._found = True
        if not isinstance(found, type):
            _logger.warning("phoenix_otel: there is no class %s; it is not instrumented", self._target)
            return
        missing = [name for name in self._target.methods if not hasattr(found, name)]
        if missing:
            _logger.warning("phoenix_otel: %s has no method %s", self._target, ", ".join(missing))
        self._undo.append(self._instrument(found))


class _ClassesOfMain:
    """Sees classes of __main__ as they are made: that module is run, never imported, and no import hook sees it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Callable[[type], None], Guard]] = []
        self._wrapper: Any = None

    def when_made(self, name: str, made: Callable[[type], None], guard: Guard) -> Undo:
        """Call `made` with each class of this qualified name, from now on until it is undone."""
        entry = (name, made, guard)
        if not self._waiting:
            self._wrap()
        self._waiting.append(entry)

        def undo() -> None:
            self._waiting.remove(entry)
            if not self._waiting:
                self._unwrap()

        return undo

    def _wrap(self) -> None:
        build: Any = builtins.__build_class__

        def build_class(function: Any, class_name: str, *bases: Any, **kwargs: Any) -> Any:
            cls = build(function, class_name, *bases, **kwargs)
            if getattr(cls, "__module__", "") == "__main__":
                for name, made, guard in tuple(self._waiting):
                    if getattr(cls, "__qualname__", "") == name:
                        with guard.section(f"instrumenting __main__:{name}"):
                            made(cls)
            return cls

        self._wrapper = build_class
        self._build = build
        vars(builtins)["__build_class__"] = build_class

    def _unwrap(self) -> None:
        """Put back what was there; a wrapper that somebody has wrapped since stays, and does nothing."""
        if vars(builtins)["__build_class__"] is self._wrapper:
            vars(builtins)["__build_class__"] = self._build


_classes_of_main = _ClassesOfMain()


class _ClassInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """instrument(hooks=..., target=...) instruments the class that `target` names; without a target it does nothing."""

    kind: ClassVar[str]
    _watch: ClassWatch | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: the class is the user's own."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        hooks: Hooks | None = kwargs.get("hooks")
        target: ClassTarget | None = kwargs.get("target")
        if hooks is None or target is None:
            return
        kind = getattr(hooks, self.kind)
        self._watch = ClassWatch(target, lambda cls: kind.instrument(cls, target.methods), hooks.guard)
        self._watch.start()

    def _uninstrument(self, **kwargs: Any) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()


class ScraperInstrumentor(_ClassInstrumentor):
    """Instruments the scraper's class."""

    kind = "scraper"


class ProxyManagerInstrumentor(_ClassInstrumentor):
    """Instruments the proxy manager's class."""

    kind = "proxy_manager"


class RateLimiterInstrumentor(_ClassInstrumentor):
    """Instruments the rate limiter's class."""

    kind = "rate_limiter"
