"""AlertRule: one alerting rule as Prometheus gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from phoenix_otel.generate.alert import SEVERITIES, Alert, Severity, Tuning
from phoenix_otel.generate.promql import Query, duration_text
from phoenix_otel.generate.section import Section
from phoenix_otel.options import LABEL_NAME, Parser, choices, duration, option, text

_TEXT: Final = text(r"(?s).*\S.*", "a text")
_FOR: Final = duration(0)
_OPTIONAL: Final = text(r"(?s).*", "a text")


def _labels(value: Any) -> Mapping[str, str]:
    label = text(rf"(?!(alertname|severity)$){LABEL_NAME}", "")
    return {label.parse(name): str(text) for name, text in dict(value).items()}


_LABELS: Final = Parser(_labels, "names of labels other than alertname and severity, and their values")


@dataclass(frozen=True, kw_only=True)
class AlertRule(Section):
    """One alert: fires when `expression` has held for `duration`; `severity` is critical, warning or info."""

    name: str = option("", text(r"[a-zA-Z_]\w*", "a name in CamelCase"), description="What it is called.")
    expression: str = option("", _TEXT, description="PromQL; each series that it returns is an alert.")
    duration: float = option(0, _FOR, description="How long it must hold, Prometheus's `for`.")
    keep_firing_for: float = option(0, _FOR, description="How long it goes on after it holds no more.")
    severity: Severity = option("warning", choices(*SEVERITIES), description="critical, warning or info.")
    summary: str = option("", _TEXT, description="One line.")
    description: str = option("", _OPTIONAL, description="A sentence or two, with the value.")
    runbook_url: str = option("", text(r"\S*", "a URL"), description="What to do.")
    labels: Mapping[str, str] = option({}, _LABELS, description="Further labels.")

    @classmethod
    def of(cls, alert: Alert, tuning: Tuning, query: Query, runbooks_url: str) -> AlertRule:
        """Make the rule of one of our alerts."""
        return cls(
            name=alert.name,
            expression=alert.expression(query, tuning),
            duration=tuning.hold,
            keep_firing_for=tuning.keep,
            severity=tuning.severity,
            summary=alert.summary,
            description=alert.filled(alert.description, tuning, query),
            runbook_url=f"{runbooks_url}#{alert.name.lower()}",
        )

    def to_prometheus(self) -> dict[str, Any]:
        """Return it in the form of a Prometheus rule file."""
        annotations = {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": self.runbook_url,
        }
        rule = {
            "alert": self.name,
            "expr": self.expression,
            "for": duration_text(self.duration),
            "keep_firing_for": duration_text(self.keep_firing_for) if self.keep_firing_for else None,
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {name: value for name, value in annotations.items() if value},
        }
        return {name: value for name, value in rule.items() if value is not None}
