"""What an option is: how it is parsed, what it allows, which variables set it. Data for config.py."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from phoenix_otel import redaction
from phoenix_otel.catalog import ATTRIBUTES

REFUSALS: Final = (ValueError, TypeError, KeyError, OverflowError, AttributeError)
"""What a parser raises for a value that its option does not allow."""


@dataclass(frozen=True, slots=True)
class Parser:
    """Turns what was given (a Python value or a string) into the option's value, or raises ValueError or TypeError."""

    parse: Callable[[Any], Any]
    allowed: str


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that sets an option; `parser` only where its notation differs from the option's own."""

    name: str
    parser: Parser | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its default, its parser, the variables that set it (the first one set wins) and what it does."""

    default: Any
    parser: Parser
    variables: tuple[Variable, ...]
    description: str


def option(default: Any, parser: Parser, *variables: str | Variable, description: str) -> Any:
    """Declare an option as the field of a dataclass."""
    declared = tuple(Variable(name) if isinstance(name, str) else name for name in variables)
    return dataclasses.field(
        default_factory=lambda: default,
        metadata={"option": Option(default, parser, declared, description)},
    )


def not_allowed(name: str, value: object, source: str, allowed: str) -> str:
    """Say that a value is not allowed for an option, and what is."""
    return f"{_given(name, value, meant=name)} from {source} is not allowed; allowed: {allowed}"


def unknown(name: str, value: object, source: str, known: Iterable[str]) -> str:
    """Say that there is no such option, and which one was probably meant."""
    names = list(known)
    near = "".join(difflib.get_close_matches(name.rpartition(".")[2], names, n=1))
    hint = f"did you mean {near}?" if near else f"allowed: {', '.join(names)}"
    return f"{_given(name, value, meant=near)} from {source} is unknown; {hint}"


_MAY_BE_SECRET: Final = re.compile("file|url|pass|token|secret", re.IGNORECASE)


def _given(name: str, value: object, *, meant: str) -> str:
    # where a file is meant, the value may be the secret that belongs in it; so may one in a table of the wrong shape
    if value and meant.endswith("_file"):
        return f"option {name}: {redaction.REDACTED}"
    if isinstance(value, Mapping):
        value = {key: redaction.REDACTED if _MAY_BE_SECRET.search(str(key)) else each for key, each in value.items()}
    return redaction.text(f"option {name}: {value!r}") if value != "" else f"option {name}: ''"


_BOOLEANS: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else _BOOLEANS[str(value).strip().lower()]


BOOLEAN: Final = Parser(_boolean, "true or false")


def text(pattern: str, allowed: str) -> Parser:
    """Accept a string that matches the whole pattern."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(value)
        value.encode()  # the bytes of a variable that are no UTF-8 raise UnicodeEncodeError, a ValueError
        return value

    return Parser(parse, allowed)


def _file(value: Any) -> str:
    path = os.fspath(value)
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise ValueError(value)
    return path


FILE: Final = Parser(_file, "the path of a file")


def integer(low: int, high: int) -> Parser:
    """Accept a whole number between two limits, both included."""

    def parse(value: Any) -> int:
        number = int(value)
        if isinstance(value, bool) or number != float(value) or not low <= number <= high:
            raise ValueError(value)
        return number

    return Parser(parse, f"a whole number from {low} to {high}")


def seconds(low: float, high: float = 86_400.0, *, scale: float = 1.0, unit: str = "seconds") -> Parser:
    """Accept a duration in `unit`, stored in seconds; `scale` converts."""

    def parse(value: Any) -> float:
        number = float(value) * scale
        if isinstance(value, bool) or not low <= number <= high:
            raise ValueError(value)
        return number

    return Parser(parse, f"a number of {unit} from {low / scale:g} to {high / scale:g}")


def number(low: float, high: float, what: str = "a number") -> Parser:
    """Accept a number between two limits, both included."""

    def parse(value: Any) -> float:
        given = float(value)
        if isinstance(value, bool) or not low <= given <= high:
            raise ValueError(value)
        return given

    return Parser(parse, f"{what} from {low:g} to {high:g}")


_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_DURATION_UNITS: Final = (86_400_000, 3_600_000, 60_000, 1000, 1)


def duration(low: float) -> Parser:
    """Accept a duration as Prometheus writes it (`5m`, `1h30m`), or a number of seconds; stored in seconds."""

    def parse(value: Any) -> float:
        if isinstance(value, str) and value and (found := _DURATION.fullmatch(value)):
            amounts = zip(found.groups(default="0"), _DURATION_UNITS, strict=True)
            given = sum(int(amount) * unit for amount, unit in amounts) / 1000
        else:
            given = float(value)
        if isinstance(value, bool) or not low <= given <= _LONGEST:
            raise ValueError(value)
        return given

    return Parser(parse, f"a duration such as 30s, 5m or 1h30m, or seconds, from {low:g} s to 365 days")


_LONGEST: Final = 365 * 86_400.0


def _buckets(value: Any) -> tuple[float, ...]:
    given = value.split(",") if isinstance(value, str) else list(value)
    bounds = tuple(float(bound) for bound in given)
    ascending = all(low < high for low, high in pairwise(bounds))
    if not bounds or not ascending or not all(math.isfinite(bound) for bound in bounds):
        raise ValueError(value)
    return bounds


BUCKETS: Final = Parser(
    _buckets, "finite numbers in ascending order, at least one (in a variable: separated by commas)"
)


def choices(*allowed: str) -> Parser:
    """Accept one of a few words."""

    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError(value)
        return str(value)

    return Parser(parse, " or ".join(allowed))


def several(*allowed: str) -> Parser:
    """Accept some of a few words, as a sequence or separated by commas; `none` stands alone."""

    def parse(value: Any) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else list(value)
        words = tuple(dict.fromkeys(word.strip() for word in given))
        if not words or any(word not in (*allowed, "none") for word in words) or ("none" in words and len(words) > 1):
            raise ValueError(value)
        return words

    return Parser(parse, f"some of {', '.join(allowed)}, or none")


_COLLECTION: Final = re.compile(r"[^\s.]+\.\S+")


def _collections(value: Any) -> tuple[str, ...]:
    given = value.split(",") if isinstance(value, str) else list(value)
    names = tuple(dict.fromkeys(name.strip() for name in given))
    if not all(_COLLECTION.fullmatch(name) for name in names):
        raise ValueError(value)
    return names


COLLECTIONS: Final = Parser(_collections, "names of the form database.collection (in a variable: separated by commas)")

LABEL_NAME: Final = r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*"
"""What Prometheus allows of a label that is not its own."""
_RESERVED_LABELS: Final = frozenset({name.replace(".", "_") for name in ATTRIBUTES} | {"le", "quantile"})


def _labels(value: Any) -> Mapping[str, str]:
    if isinstance(value, str):
        value = dict(pair.split("=", 1) for pair in value.split(",") if pair.strip())
    labels = {str(name).strip(): str(text).strip() for name, text in dict(value).items()}
    "".join(labels.values()).encode()  # as above
    if any(not re.fullmatch(LABEL_NAME, name) or name in _RESERVED_LABELS for name in labels):
        raise ValueError(value)
    return MappingProxyType(labels)


LABELS: Final = Parser(
    _labels,
    "names of letters, digits and underscores that no metric uses itself (in a variable: name=value,name=value)",
)


def _limits(value: Any) -> Mapping[str, int]:
    if isinstance(value, str):
        value = dict(pair.split("=", 1) for pair in value.split(",") if pair.strip())
    limits = {str(name).strip(): _LIMIT.parse(number) for name, number in dict(value).items()}
    if not all(_METRIC_NAME.fullmatch(name) for name in limits):
        raise ValueError(value)
    return MappingProxyType(limits)


_LIMIT: Final = integer(2, 1_000_000)
_METRIC_NAME: Final = re.compile(r"[a-zA-Z_][\w.:/-]*")

LIMITS: Final = Parser(
    _limits, f"names of metrics, each with {_LIMIT.allowed} (in a variable: name=number,name=number)"
)
