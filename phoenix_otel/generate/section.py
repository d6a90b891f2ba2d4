"""A group of options: a frozen dataclass whose fields are parsed, given as arguments or as a table of a TOML file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from phoenix_otel.config import ConfigError
from phoenix_otel.options import REFUSALS, Option, Parser, not_allowed, unknown

ARGUMENT = "argument"


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that cannot be used: its option's path, and what is allowed, or with `known` the names there are."""

    path: str
    value: object
    allowed: str = ""
    known: tuple[str, ...] = ()

    def below(self, path: str) -> Problem:
        """Return the same problem as a part of a larger option."""
        return dataclasses.replace(self, path=f"{path}.{self.path}")

    def text(self, source: str) -> str:
        """Return the line that tells of it."""
        if self.known:
            return unknown(self.path, self.value, source, self.known)
        return not_allowed(self.path, self.value, source, self.allowed)


class SectionError(ConfigError):
    """Wrong options of a section, one line for each."""

    def __init__(self, problems: Iterable[Problem], source: str = ARGUMENT) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.text(source) for problem in self.problems))


@dataclass(frozen=True, kw_only=True)
class Section:
    """Its fields are made by options.option(); each value is parsed, wrong ones raise SectionError together."""

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        for field in dataclasses.fields(self):
            declared: Option = field.metadata["option"]
            value = parsed(field.name, getattr(self, field.name), declared.parser, problems)
            object.__setattr__(self, field.name, value)
        problems.extend(self._contradictions() if not problems else ())
        if problems:
            raise SectionError(problems)

    def _contradictions(self) -> Iterable[Problem]:
        """Return what is wrong between options that are each allowed by itself."""
        return ()

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Self:
        """Build it from a table; a name that is no option is a problem like any other."""
        names = tuple(field.name for field in dataclasses.fields(cls))
        problems = [Problem(name, table[name], known=names) for name in table if name not in names]
        try:
            built = cls(**{name: value for name, value in table.items() if name in names})
        except SectionError as error:
            problems.extend(error.problems)
        if problems:
            raise SectionError(problems)
        return built


def parsed(path: str, value: Any, parser: Parser, problems: list[Problem]) -> Any:
    """Parse a value; what is wrong with it goes to `problems`."""
    try:
        return parser.parse(value)
    except SectionError as error:
        problems.extend(problem.below(path) for problem in error.problems)
    except REFUSALS:
        problems.append(Problem(path, value, parser.allowed))
    return None


SectionT = TypeVar("SectionT", bound=Section)


def section(kind: type[SectionT]) -> Parser:
    """Accept the section, or a table of its options."""

    def parse(value: Any) -> SectionT:
        if isinstance(value, kind):
            return value
        if not isinstance(value, Mapping):
            raise TypeError(value)
        return kind.read(value)

    return Parser(parse, f"a table with some of {', '.join(field.name for field in dataclasses.fields(kind))}")


def sections(kind: type[SectionT]) -> Parser:
    """Accept several of them, each as `section` does."""
    return several_of(section(kind))


def several_of(one: Parser) -> Parser:
    """Accept a list, each element of which the parser accepts."""

    def parse(value: Any) -> tuple[Any, ...]:
        if isinstance(value, (str, Mapping)):
            raise TypeError(value)
        problems: list[Problem] = []
        found = tuple(parsed(str(number), each, one, problems) for number, each in enumerate(value))
        if problems:
            raise SectionError(problems)
        return found

    return Parser(parse, f"a list, each {one.allowed}")
