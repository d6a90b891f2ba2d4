"""What a dashboard is, as data: rows of panels, each with its queries and where it changes its colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards.limits import Limit

Look = Literal["timeseries", "stat", "table", "bargauge", "heatmap", "state-timeline"]

SECONDS: Final = "s"
BYTES: Final = "bytes"
BYTES_PER_SECOND: Final = "binBps"
PERCENT: Final = "percent"
SHARE: Final = "percentunit"
NUMBER: Final = "short"
REQUESTS_PER_SECOND: Final = "reqps"
PER_SECOND: Final = "ops"
PER_MINUTE: Final = "cpm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One query of a panel; `legend` names its series, with `{{label}}` for a label's value.

    In a table it is a column, headed by `legend`; one without shows its labels only. `unit` is that column's own.
    """

    expr: str
    legend: str = ""
    unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One panel; `unit` is Grafana's name of it, `width` in 24ths of the page, `height` in rows of its grid.

    `limits` colour it where alerts fire. `values` show a number as a text, and may colour it. `colours` are of series,
    by legend. `labels` are the columns that make a row of a table. `leads_to` names the dashboard that goes deeper.
    """

    title: str
    description: str
    unit: str
    targets: tuple[Target, ...]
    look: Look = "timeseries"
    width: int = 8
    height: int = 8
    limits: tuple[Limit, ...] = ()
    values: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    maximum: float | None = None
    stacked: bool = False
    leads_to: str = ""


def per_scraper(expr: str, name: str = "") -> Target:
    """Return a query whose series are scrapers; `name` stands before theirs where a panel shows several queries."""
    return Target(expr=expr, legend=f"{name} {{{{instance}}}}".strip())


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Panels under a heading, from left to right; a closed one asks nothing until somebody opens it."""

    title: str
    panels: tuple[Panel, ...]
    closed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Dashboard:
    """One dashboard; `answers` says which questions. `shows_alerts`: marks in its graphs when alerts fired."""

    name: str
    title: str
    answers: str
    rows: Callable[[AlertConfig], tuple[Row, ...]]
    shows_alerts: bool = False

    @property
    def uid(self) -> str:
        """What links and bookmarks know it by."""
        return uid_of(self.name)


def uid_of(name: str) -> str:
    """Return what Grafana knows the dashboard of this name by."""
    return f"phoenix-otel-{name.replace('_', '-')}"
