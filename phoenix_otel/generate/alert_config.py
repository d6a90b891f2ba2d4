"""AlertConfig: all that can be set of alerts, notifications, Prometheus, Collector and dashboards."""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from phoenix_otel.config import ConfigError
from phoenix_otel.generate.alert import Tuning
from phoenix_otel.generate.alert_rule import AlertRule
from phoenix_otel.generate.alerts import ALERTS
from phoenix_otel.generate.collector_options import CollectorOptions
from phoenix_otel.generate.notifications import Grouping, Notifications, Route
from phoenix_otel.generate.promql import Query
from phoenix_otel.generate.scrape_options import ScrapeOptions
from phoenix_otel.generate.section import Problem, Section, SectionError, parsed, section, sections, several_of
from phoenix_otel.options import LABEL_NAME, Parser, choices, duration, option, text

_SCRAPES_PER_WINDOW: Final = 4
"""A rate over fewer scrapes has gaps as soon as one of them fails."""

TARGET: Final = text(r"(dns\+)?(\[[0-9a-fA-F:]+\]|[^\s:/@]+):\d+", "host:port, or dns+name:port for what DNS finds")
TARGETS: Final = several_of(TARGET)
TARGET_FILES: Final = several_of(text(r"[^\s*]+(\*[^\s*/]*)?\.(json|ya?ml)", "a path such as /targets/*.json"))


def _tunings(value: Any) -> Mapping[str, Tuning]:
    problems = [Problem(name, given, known=tuple(ALERTS)) for name, given in value.items() if name not in ALERTS]
    parsers = {name: Parser(alert.tuned, "a table of what is tuned") for name, alert in ALERTS.items()}
    tunings = {name: parsed(name, value.get(name, {}), parser, problems) for name, parser in parsers.items()}
    if problems:
        raise SectionError(problems)
    return MappingProxyType(tunings)


def _labels(value: Any) -> Mapping[str, str]:
    name = text(LABEL_NAME, "")
    return MappingProxyType({name.parse(key): text(r".+", "").parse(label) for key, label in dict(value).items()})


def _rule(value: Any) -> AlertRule:
    if isinstance(value, AlertRule):
        return value
    return AlertRule.read(value)


@dataclass(frozen=True, kw_only=True)
class AlertConfig(Section):
    """One object for all that is generated; durations are `5m` or seconds. Raises ConfigError for what is wrong.

    `alerts` maps an alert's name to what is tuned of it: threshold, window, floor, for, keep_firing_for, severity.
    """

    alerts: Mapping[str, Tuning] = option(
        {}, Parser(_tunings, "a table of alerts by name, each with what is tuned"), description="Tuning of alerts."
    )
    disabled: tuple[str, ...] = option((), several_of(choices(*ALERTS)), description="Alerts to leave out.")
    rules: tuple[AlertRule, ...] = option(
        (), several_of(Parser(_rule, "a table with name, expression, summary")), description="Alerts of your own."
    )
    rate_window: float = option(
        "5m", duration(0.1), description="Over how long rates, ratios and percentiles are taken."
    )
    job: str = option("phoenix_scraper", text(r"\w[\w.-]*", "a word"), description="The label `job` of all scrapers.")
    scrape_interval: float = option("15s", duration(0.1), description="Between two scrapes.")
    evaluation_interval: float = option("15s", duration(0.1), description="Between two evaluations of the rules.")
    targets: tuple[str, ...] = option(
        ("host.docker.internal:9090", "dns+demo:9090"), TARGETS, description="Scrapers that are scraped."
    )
    scrape: ScrapeOptions = option(
        ScrapeOptions(), section(ScrapeOptions), description="How to get in at the scrapers' endpoints."
    )
    target_files: tuple[str, ...] = option(
        (),
        TARGET_FILES,
        description="Files that scrapers write (their option `target_files`), as Prometheus sees them.",
    )
    collectors: tuple[str, ...] = option(
        ("dns+otel-collector:8889",), TARGETS, description="Collectors that scrapers push to, to be scraped."
    )
    prometheus: str = option(
        "prometheus:9090", TARGET, description="Where Prometheus itself is, for Grafana and to be scraped."
    )
    alertmanagers: tuple[str, ...] = option(("alertmanager:9093",), TARGETS, description="Where alerts are sent.")
    external_labels: Mapping[str, str] = option(
        {}, Parser(_labels, "names and values of labels"), description="On all that leaves Prometheus: alerts too."
    )
    runbooks_url: str = option(
        "docs/runbooks.md", text(r"[^\s#]+", "a URL or path without #"), description="Where the runbooks are."
    )
    notifications: Notifications = option(
        Notifications(), section(Notifications), description="Who is told, by severity."
    )
    routes: tuple[Route, ...] = option((), sections(Route), description="Routes of your own, before those by severity.")
    grouping: Grouping = option(Grouping(), section(Grouping), description="How messages are put together.")
    collector: CollectorOptions = option(
        CollectorOptions(), section(CollectorOptions), description="The Collector, agent and gateway."
    )

    def _contradictions(self) -> Iterable[Problem]:
        if self.rate_window < _SCRAPES_PER_WINDOW * self.scrape_interval:
            yield Problem("rate_window", self.rate_window, f"at least {_SCRAPES_PER_WINDOW} scrape_intervals")
        enabled = (name for name in ALERTS if name not in self.disabled)
        rules = Counter([*enabled, *(rule.name for rule in self.rules)])
        yield from (Problem("rules", name, "names that no other alert has") for name in rules if rules[name] > 1)
        routes = Counter(route.name for route in self.routes)
        yield from (Problem("routes", name, "names that no other route has") for name in routes if routes[name] > 1)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a TOML file; raises ConfigError for one that cannot be read, with a line for each wrong option."""
        try:
            return cls.read(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except SectionError as error:
            raise SectionError(error.problems, f"file {path}") from None
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"option config: {str(path)!r} from argument cannot be read ({error}); allowed: a TOML file"
            ) from error

    @property
    def query(self) -> Query:
        """What writes queries about this configuration's scrapers."""
        return Query(self.job, self.rate_window)

    def alert_rules(self) -> tuple[AlertRule, ...]:
        """Return the alerts as Prometheus gets them, your own last."""
        enabled = (alert for name, alert in ALERTS.items() if name not in self.disabled)
        ours = (AlertRule.of(alert, self.alerts[alert.name], self.query, self.runbooks_url) for alert in enabled)
        return (*ours, *self.rules)

    def to_prometheus_config(self) -> dict[str, Any]:
        """Return recording and alerting rules in the form of a Prometheus rule file."""
        from phoenix_otel.generate.prometheus import rule_file

        return rule_file(self)
