"""Instruments classes that are named: when their module is imported, or when they are made in __main__."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Callable, Collection
from functools import reduce
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
        self._undo: list[Undo] = []

    def start(self) -> None:
        """Instrument the class now if its module is imported already, else as soon as it is."""
        if self._target.module == "__main__":
            self._undo.append(_when_made(self._target.name, self._made, self._guard))
        else:
            wrapt.register_post_import_hook(self._imported, self._target.module)

    def stop(self) -> None:
        """Put the class back as it was, and wait no longer."""
        self._active = False
        while self._undo:
            self._undo.pop()()

    def _imported(self, module: ModuleType) -> None:
        if not self._active:
            return
        with self._guard.section(f"instrumenting {self._target}"):
            try:
                found = reduce(getattr, self._target.name.split("."), module)
            except AttributeError:
                found = None
            self._made(found)

    def _made(self, found: Any) -> None:
        if not isinstance(found, type):
            _logger.warning("phoenix_otel: there is no class %s; it is not instrumented", self._target)
            return
        missing = [name for name in self._target.methods if not hasattr(found, name)]
        if missing:
            _logger.warning("phoenix_otel: %s has no method %s", self._target, ", ".join(missing))
        self._undo.append(self._instrument(found))


def _when_made(name: str, made: Callable[[type], None], guard: Guard) -> Undo:
    """Call `made` with a class of __main__ as it is made: that module is run, never imported, and no hook sees it."""
    build: Any = builtins.__build_class__

    def build_class(function: Any, class_name: str, *bases: Any, **kwargs: Any) -> Any:
        cls = build(function, class_name, *bases, **kwargs)
        if getattr(cls, "__module__", "") == "__main__" and getattr(cls, "__qualname__", "") == name:
            with guard.section(f"instrumenting __main__:{name}"):
                made(cls)
        return cls

    vars(builtins)["__build_class__"] = build_class

    def undo() -> None:
        if vars(builtins)["__build_class__"] is build_class:
            vars(builtins)["__build_class__"] = build

    return undo


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
