"""What an alert is, as data: its expression, its texts, and what of it can be tuned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from phoenix_otel.generate.promql import Query, duration_text, number_text
from phoenix_otel.generate.section import Problem, SectionError, parsed
from phoenix_otel.options import Parser, choices, duration, number

Severity = Literal["critical", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")

RATIO: Final = number(0, 1, "a share")
PERCENT: Final = number(0, 100, "percent")
COUNT: Final = number(0, 1e12)
SECONDS: Final = duration(0.001)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """What can be set of an alert; durations in seconds, what an alert does not have is None.

    threshold: where it fires, in the unit of the alert. window: how far back it looks. floor: how many events it wants
    to see in the window of rates before a ratio or a percentile means anything. hold: `for`. keep: `keep_firing_for`.
    """

    severity: Severity
    threshold: float | None = None
    window: float | None = None
    floor: float | None = None
    hold: float = 0.0
    keep: float = 0.0


KEYS: Final[Mapping[str, str]] = {
    "severity": "severity",
    "threshold": "threshold",
    "window": "window",
    "floor": "floor",
    "for": "hold",
    "keep_firing_for": "keep",
}
"""How each is called in a file or an argument, after Prometheus's own words."""

_PARSERS: Final[Mapping[str, Parser]] = {
    "severity": choices(*SEVERITIES),
    "window": duration(1),
    "floor": COUNT,
    "for": duration(0),
    "keep_firing_for": duration(0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One alert.

    `fires_when` says it in words for docs, `[threshold]`, `[window]`, `[floor]` and `[rate_window]` standing for their
    values there and in `description`. `summary` and `description` are Prometheus templates. `silences` names the alerts
    of the same scraper that say nothing new while this one fires; `*` is all others.
    """

    name: str
    fires_when: str
    expression: Callable[[Query, Tuning], str]
    summary: str
    description: str
    default: Tuning
    threshold: Parser = COUNT
    silences: tuple[str, ...] = ()

    def tuned(self, given: Mapping[str, Any] | Tuning) -> Tuning:
        """Return the default with what is given in its place; raises SectionError for what cannot be set."""
        if isinstance(given, Tuning):  # from another AlertConfig
            return given
        available = {key: getattr(self.default, name) for key, name in KEYS.items()}
        known = tuple(key for key, value in available.items() if value is not None)
        other = f"{', '.join(known)} of this alert"
        problems = [
            Problem(key, value, other) if key in KEYS else Problem(key, value, known=known)
            for key, value in given.items()
            if key not in known
        ]
        parsers = {"threshold": self.threshold, **_PARSERS}
        values = {KEYS[key]: parsed(key, value, parsers[key], problems) for key, value in given.items() if key in known}
        if problems:
            raise SectionError(problems)
        return Tuning(**{field.name: getattr(self.default, field.name) for field in fields(Tuning)} | values)

    def filled(self, text: str, tuning: Tuning, query: Query) -> str:
        """Put this tuning's values into a text."""
        values = {
            "threshold": self._threshold_text(tuning.threshold),
            "window": duration_text(tuning.window or 0),
            "floor": number_text(tuning.floor or 0),
            "rate_window": query.range,
        }
        for name, value in values.items():
            text = text.replace(f"[{name}]", value)
        return text

    def _threshold_text(self, threshold: float | None) -> str:
        value = threshold or 0
        if self.threshold is RATIO:
            return f"{number_text(value * 100)}%"
        if self.threshold is PERCENT:
            return f"{number_text(value)}%"
        return duration_text(value) if self.threshold is SECONDS else number_text(value)
