"""The queries of a dashboard's panels, as Prometheus gets them from Grafana: with values for Grafana's variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})")


class PanelQuery(NamedTuple):
    """One query of a panel."""

    dashboard: str
    panel: str
    expr: str


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all panels but rows, those in closed rows included."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def panel_queries(
    dashboard_json: dict[str, Any],
    *,
    job: str,
    instance: str = ".*",
    rate_interval: str,
    time_range: str = "1h",
) -> list[PanelQuery]:
    """Return the queries of all panels; KeyError for a variable that Grafana would not know."""
    values = {
        "job": job,
        "instance": instance,
        "__rate_interval": rate_interval,
        "__interval": rate_interval,
        "__range": time_range,
    }
    return [
        PanelQuery(dashboard_json["title"], panel["title"], substituted(target["expr"], values))
        for panel in panels(dashboard_json)
        for target in panel["targets"]
    ]


def substituted(expression: str, values: dict[str, str]) -> str:
    """Put values into the place of variables: `$name`, `${name}`, `${name:format}`."""
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], expression)
