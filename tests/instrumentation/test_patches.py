"""Wrapping functions of others and putting them back."""

from __future__ import annotations

from typing import Any

import pytest
import wrapt

from phoenix_otel.instrumentation.patches import Patches


class Base:
    """A class of somebody else."""

    def greet(self) -> str:
        return "hello"


def louder(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return wrapped(*args, **kwargs) + "!"


def test_wraps_and_puts_back() -> None:
    original = Base.greet
    patches = Patches()
    patches.wrap(Base, "greet", louder)
    assert Base().greet() == "hello!"
    patches.undo()
    patches.undo()
    assert Base.greet is original


def test_a_later_wrapper_of_somebody_else_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Base, "greet", Base.greet)
    patches = Patches()
    patches.wrap(Base, "greet", louder)
    theirs = wrapt.FunctionWrapper(Base.__dict__["greet"], louder)
    Base.greet = theirs  # type: ignore[method-assign]
    patches.undo()
    assert Base.__dict__["greet"] is theirs
    assert Base().greet() == "hello!!"


def test_what_is_not_there_cannot_be_wrapped() -> None:
    with pytest.raises(AttributeError):
        Patches().wrap(Base, "wave", louder)
