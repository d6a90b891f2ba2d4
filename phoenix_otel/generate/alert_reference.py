"""docs/alerts.md: every alert as it is set, and everything that can be set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from importlib.resources import files

from phoenix_otel.generate.alert import KEYS
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.alerts import ALERTS
from phoenix_otel.generate.collector_options import CollectorOptions
from phoenix_otel.generate.notifications import Email, Grouping, Route, Slack, Webhook
from phoenix_otel.generate.promql import duration_text
from phoenix_otel.generate.recording_rules import RECORDING_RULES
from phoenix_otel.generate.scrape_options import ScrapeOptions
from phoenix_otel.generate.section import Section
from phoenix_otel.options import REFUSALS, Option

_SECTIONS: tuple[tuple[str, type[Section]], ...] = (
    ("At the top", AlertConfig),
    ("`[[notifications.email]]`", Email),
    ("`[[notifications.slack]]`", Slack),
    ("`[[notifications.webhook]]`", Webhook),
    ("`[[routes]]`", Route),
    ("`[grouping]`", Grouping),
    ("`[scrape]`", ScrapeOptions),
    ("`[collector]`", CollectorOptions),
)


def alert_reference(config: AlertConfig) -> str:
    """Return the whole page, in Markdown."""
    introduction = files("phoenix_otel.generate").joinpath("alerts.md").read_text(encoding="utf-8")
    tables = {
        "<!-- alerts -->": _alerts(config),
        "<!-- recorded -->": _recorded(config),
        "<!-- options -->": _options(),
    }
    for marker, lines in tables.items():
        introduction = introduction.replace(marker, "\n".join(lines))
    return introduction


def _alerts(config: AlertConfig) -> Iterator[str]:
    yield "| alert | severity | fires when | for | can be tuned |"
    yield "|---|---|---|---|---|"
    for name, alert in ALERTS.items():
        tuning = config.alerts[name]
        tunable = ", ".join(f"`{key}`" for key, field in KEYS.items() if getattr(tuning, field) is not None)
        when = alert.filled(alert.fires_when, tuning, config.query)
        if tuning.floor:
            when += f" (of at least {tuning.floor:g} within {config.query.range})"
        disabled = " (disabled)" if name in config.disabled else ""
        yield (
            f"| [{name}](runbooks.md#{name.lower()}){disabled} | {tuning.severity} | {when} | "
            f"{duration_text(tuning.hold)} | {tunable} |"
        )


def _recorded(config: AlertConfig) -> Iterator[str]:
    yield "| series | what it tells |"
    yield "|---|---|"
    yield from (f"| `{rule.record(config.query)}` | {rule.tells} |" for rule in RECORDING_RULES)


def _options() -> Iterator[str]:
    for title, kind in _SECTIONS:
        yield from (f"### {title}", "", "| option | default | allowed | what it does |", "|---|---|---|---|")
        for field in dataclasses.fields(kind):
            option: Option = field.metadata["option"]
            yield f"| `{field.name}` | {_shown(option)} | {option.parser.allowed} | {option.description} |"
        yield ""


def _shown(option: Option) -> str:
    default = option.default
    try:
        option.parser.parse(default)
    except REFUSALS:
        return "required"
    if isinstance(default, Section) or default in ("", (), {}):
        return "left out"
    shown = ", ".join(default) if isinstance(default, tuple) else str(default)
    return f"`{shown.lower() if isinstance(default, bool) else shown}`"
