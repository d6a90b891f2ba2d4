"""Wraps methods of other people's classes so that nothing about a call changes but that it is seen (by wrapt)."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any

import wrapt

from phoenix_otel._guard import Guard
from phoenix_otel.class_targets import MethodMapping
from phoenix_otel.instrumentation.call_spans import CallSpans


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: its result, or the exception that left it, and the seconds that it took."""

    result: Any
    error: BaseException | None
    seconds: float


Finish = Callable[[Outcome], None]
Undo = Callable[[], None]


@dataclass(slots=True)
class Call:
    """One call of a wrapped method, while it is in progress.

    `part` is what the method is to its class, `endpoint` the label of a request ("" for other calls), `attempt` the
    number of the attempt that is under way, and `tag` what the hook wants found by hooks further in.
    """

    instance: Any
    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    wrapper: object
    part: str
    endpoint: str
    attempt: int = 1
    tag: Any = None

    def argument(self, position: int, name: str) -> Any:
        """Return an argument, however it was passed; the first one there is if it goes by another name."""
        if len(self.args) > position:
            return self.args[position]
        return self.kwargs.get(name, next(iter(self.kwargs.values()), None))


@dataclass(frozen=True, slots=True)
class Hook:
    """What to do around calls of one method: `start` returns what is to be called at the end; `tag` marks the call."""

    part: str
    start: Callable[[Call], Finish]
    endpoint: str = ""
    tag: Callable[[Any], Any] = lambda instance: None


def hooks_by_name(
    starts: Mapping[str, Callable[[Call], Finish]], methods: Mapping[str, MethodMapping]
) -> dict[str, Hook]:
    """Return the hooks of a class whose parts are played by methods of the same names, and by `methods`."""
    parts = {part: part for part in starts} | {name: mapping.part for name, mapping in methods.items()}
    return {name: Hook(part, starts[part]) for name, part in parts.items()}


_calls: ContextVar[tuple[Call, ...]] = ContextVar("phoenix_otel_calls", default=())


def calls_in_progress() -> tuple[Call, ...]:
    """Return the wrapped calls that the running code is inside of, the outermost first."""
    return _calls.get()


def request_in_progress() -> Call | None:
    """Return the innermost call that is a request of a scraper."""
    return next((call for call in reversed(_calls.get()) if call.endpoint), None)


def request_attributes() -> Mapping[str, str | int]:
    """Return what spans within a scraper's request say of it: its endpoint, and which attempt is under way."""
    request = request_in_progress()
    return {} if request is None else {"scraper.endpoint": request.endpoint, "scraper.attempt": request.attempt}


def wrap_methods(cls: type, hooks: Mapping[str, Hook], guard: Guard, spans: CallSpans) -> Undo:
    """Wrap those methods that the class has, inherited ones on the class itself; a method is wrapped once."""
    undone: list[Undo] = []
    for name, hook in hooks.items():
        original = inspect.getattr_static(cls, name, None)
        if original is None or original is object.__init__ or isinstance(original, _MethodWrapper):
            continue
        undone.append(_restore(cls, name))
        wrapper = _MethodWrapper(original, _Around(name, hook, guard, spans))
        wrapper._self_part = hook.part  # wrapt keeps what begins with _self_ to itself
        setattr(cls, name, wrapper)

    def undo() -> None:
        while undone:
            undone.pop()()

    return undo


def _restore(cls: type, name: str) -> Undo:
    if name in vars(cls):
        own = vars(cls)[name]
        return lambda: setattr(cls, name, own)
    return lambda: delattr(cls, name)


def sees(cls: type, part: str) -> bool:
    """Tell whether calls of the method that plays this part are seen, whatever its name."""
    methods = (method for base in cls.__mro__ for method in vars(base).values())
    return any(isinstance(method, _MethodWrapper) and method._self_part == part for method in methods)


class _MethodWrapper(wrapt.FunctionWrapper[..., Any]):
    """Told apart from wrappers of others by its class."""

    _self_part: str


class _Around:
    """The wrapper that wrapt calls: pushes the call, runs the method, tells the hook how it ended."""

    def __init__(self, name: str, hook: Hook, guard: Guard, spans: CallSpans) -> None:
        self._name = name
        self._hook = hook
        self._guard = guard
        self._spans = spans

    def __call__(
        self, wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if instance is None or self._is_inner(instance):
            return wrapped(*args, **kwargs)
        call, finish = self._begin(instance, args, kwargs)
        start = time.perf_counter()
        if inspect.iscoroutinefunction(wrapped):
            return self._await(wrapped(*args, **kwargs), call, finish, start)
        token = _calls.set((*_calls.get(), call))
        try:
            with self._spans.around(call.part, call.endpoint):
                result = wrapped(*args, **kwargs)
        except BaseException as error:
            self._end(finish, Outcome(None, error, time.perf_counter() - start))
            raise
        finally:
            _calls.reset(token)
        if inspect.iscoroutine(result):
            return self._await(result, call, finish, start)
        self._end(finish, Outcome(result, None, time.perf_counter() - start))
        return result

    async def _await(self, awaitable: Awaitable[Any], call: Call, finish: Finish | None, start: float) -> Any:
        token = _calls.set((*_calls.get(), call))
        try:
            with self._spans.around(call.part, call.endpoint):
                result = await awaitable
        except BaseException as error:
            self._end(finish, Outcome(None, error, time.perf_counter() - start))
            raise
        finally:
            _reset(token)
        self._end(finish, Outcome(result, None, time.perf_counter() - start))
        return result

    def _is_inner(self, instance: Any) -> bool:
        """Tell whether this is super() of a call that is seen already; the method calling itself anew is not."""
        for call in reversed(_calls.get()):
            if call.instance is instance and call.name == self._name:
                return call.wrapper is not self
        return False

    def _begin(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Call, Finish | None]:
        call = Call(instance, self._name, args, kwargs, self, self._hook.part, self._hook.endpoint)
        try:
            call.tag = self._hook.tag(instance)
            return call, self._hook.start(call)
        except Exception as error:
            self._guard.caught(f"instrumenting {self._name}", error)
            return call, None

    def _end(self, finish: Finish | None, outcome: Outcome) -> None:
        if finish is not None:
            with self._guard.section(f"instrumenting {self._name}"):
                finish(outcome)


def _reset(token: Token[tuple[Call, ...]]) -> None:
    try:
        _calls.reset(token)
    except ValueError:
        pass  # the coroutine was closed from another context; that context never saw the call
