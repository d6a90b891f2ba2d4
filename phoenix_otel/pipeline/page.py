"""The page at /: the current numbers of the five domains, in one self-contained document."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

_TITLES: Final = {
    "scraper": "Scraper",
    "proxy": "Proxies",
    "rate_limit": "Rate limits",
    "database": "Database",
    "system": "System",
    "other": "Other metrics",
}
_PREFIXES: Final = {1e12: "T", 1e9: "G", 1e6: "M", 1e3: "k"}
_MOST_ROWS: Final = 12

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE: Final = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))


def render(stats: Mapping[str, Mapping[str, Any]], health: Mapping[str, Any], service: str, metrics_path: str) -> str:
    """Return the page for one snapshot."""
    return _PAGE.substitute(
        service=escape(service),
        metrics_path=escape(metrics_path, quote=True),
        status=escape(health["status"]),
        components="".join(_component(name, state) for name, state in health["components"].items()),
        domains="".join(_domain(name, metrics) for name, metrics in stats.items() if metrics),
    )


def _component(name: str, state: Mapping[str, Any]) -> str:
    details = ", ".join(f"{key.replace('_', ' ')} {_number(value)}" for key, value in state.items() if key != "status")
    css = "ok" if state["status"] == "ok" else "bad"
    return f'<li class="{css}" title="{escape(details, quote=True)}">{escape(name.replace("_", " "))}</li>'


def _domain(name: str, metrics: Mapping[str, Any]) -> str:
    body = "".join(_metric(metric_name, metric) for metric_name, metric in metrics.items())
    return f'<section id="{escape(name)}"><h2>{_TITLES.get(name, escape(name))}</h2><table>{body}</table></section>'


def _metric(name: str, metric: Mapping[str, Any]) -> str:
    series = metric["series"]
    if name == "target_info" or not series:
        return ""
    shown = sorted(series, key=_weight, reverse=True)[:_MOST_ROWS]
    rows = "".join(f"<tr><td>{_labels(one['labels'])}</td><td>{_value(one, metric)}</td></tr>" for one in shown)
    more = len(series) - len(shown)
    rest = f'<tr><td colspan="2" class="more">and {more} more series</td></tr>' if more else ""
    title = escape(metric["help"], quote=True)
    return f'<tbody><tr><th colspan="2" title="{title}">{escape(name)}</th></tr>{rows}{rest}</tbody>'


def _weight(one: Mapping[str, Any]) -> float:
    weight: float = one.get("value", one.get("count", 0.0))
    return weight


def _labels(labels: Mapping[str, str]) -> str:
    return (
        " ".join(f"<span>{escape(name)}=<b>{escape(value)}</b></span>" for name, value in labels.items() if value)
        or "&nbsp;"
    )


def _value(one: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    unit = metric["unit"]
    if metric["type"] != "histogram":
        return _with_unit(one["value"], unit)
    return f"{_number(one['count'])} &times; p50 {_with_unit(one['p50'], unit)} p95 {_with_unit(one['p95'], unit)}"


def _with_unit(value: float | None, unit: str) -> str:
    suffix = {"s": " s", "By": "B", "%": " %"}.get(unit, "")
    return _number(value) + suffix


def _number(value: Any) -> str:
    """Write a number so that it can be compared at a glance."""
    if not isinstance(value, int | float):
        return "&ndash;" if value is None else escape(str(value))
    for factor, prefix in _PREFIXES.items():
        if abs(value) >= max(factor, 10_000):
            return f"{value / factor:.1f} {prefix}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"
