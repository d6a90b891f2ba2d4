"""The page at /: the current numbers of the five domains, in one self-contained document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

from phoenix_otel.catalog import METRICS, TITLES

Stats = Mapping[str, Mapping[str, Any]]

_LABEL_ORDER: Final = {metric.prometheus_name: metric.attributes for metric in METRICS}
_PREFIXES: Final = {1e12: "T", 1e9: "G", 1e6: "M", 1e3: "k"}
_MOST_ROWS: Final = 10
_NOTHING: Final = "&ndash;"

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE: Final = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))


def render(
    stats: Stats, health: Mapping[str, Any], service: str, metrics_path: str, constant_labels: Mapping[str, str]
) -> str:
    """Return the page for one snapshot; labels that every series has are named once, at the top."""
    return _PAGE.substitute(
        service=escape(service),
        labels=escape(" ".join(f"{name}={value}" for name, value in constant_labels.items() if value != service)),
        metrics_path=escape(metrics_path, quote=True),
        status=escape(health["status"]),
        components="".join(_component(name, state) for name, state in health["components"].items()),
        headlines="".join(_headline(title, tell(stats)) for title, tell in _HEADLINES.items()),
        domains="".join(_domain(name, metrics, constant_labels) for name, metrics in stats.items() if metrics),
    )


def _total(stats: Stats, domain: str, name: str, **labels: str) -> float | None:
    """Add up a metric's series that have these labels; None while there is none."""
    series = stats[domain].get(name, {}).get("series", ())
    values = [one["value"] for one in series if labels.items() <= one["labels"].items()]
    return sum(values) if values else None


def _success_rate(stats: Stats) -> str:
    every = _total(stats, "scraper", "scraper_requests_total")
    good = _total(stats, "scraper", "scraper_requests_total", status="success") or 0
    return f"{100 * good / every:.1f} %" if every else _NOTHING


def _healthy_proxies(stats: Stats) -> str:
    healthy, every = (_total(stats, "proxy", name) for name in ("proxy_healthy_count", "proxy_total_count"))
    return _NOTHING if every is None else f"{_number(healthy)} of {_number(every)}"


_HEADLINES: Final[Mapping[str, Callable[[Stats], str]]] = {
    "requests": lambda stats: _number(_total(stats, "scraper", "scraper_requests_total")),
    "succeeded": _success_rate,
    "properties": lambda stats: _number(_total(stats, "scraper", "scraper_properties_scraped_total")),
    "healthy proxies": _healthy_proxies,
    "rate limit hits": lambda stats: _number(_total(stats, "rate_limit", "rate_limit_hits_total")),
    "database queries": lambda stats: _number(_total(stats, "database", "database_queries_total")),
    "CPU": lambda stats: _with_unit(_total(stats, "system", "system_cpu_usage_percent"), "%"),
    "memory": lambda stats: _with_unit(_total(stats, "system", "system_memory_usage_percent"), "%"),
}


def _headline(title: str, value: str) -> str:
    return f"<div><b>{value}</b>{escape(title)}</div>"


def _component(name: str, state: Mapping[str, Any]) -> str:
    details = ", ".join(f"{key.replace('_', ' ')} {_number(value)}" for key, value in state.items() if key != "status")
    css = "ok" if state["status"] == "ok" else "bad"
    return f'<li class="{css}" title="{details}">{escape(name.replace("_", " "))}</li>'


def _domain(name: str, metrics: Mapping[str, Any], constant_labels: Mapping[str, str]) -> str:
    body = "".join(_metric(metric_name, metric, constant_labels) for metric_name, metric in metrics.items())
    return (
        body
        and f'<section id="{escape(name)}"><h2>{TITLES.get(name, "Other metrics")}</h2><table>{body}</table></section>'
    )


def _metric(name: str, metric: Mapping[str, Any], constant_labels: Mapping[str, str]) -> str:
    series = metric["series"]
    if metric["type"] == "info" or not series:
        return ""
    title = escape(metric["help"], quote=True)
    if metric["type"] != "histogram" and not series[0]["labels"].keys() - constant_labels.keys():
        return f'<tbody><tr><th title="{title}">{escape(name)}</th>{_cells(series[0], metric)}</tr></tbody>'
    shown = sorted(series, key=_weight, reverse=True)[:_MOST_ROWS]
    rows = "".join(
        f"<tr><td>{_labels(name, one['labels'], constant_labels)}</td>{_cells(one, metric)}</tr>" for one in shown
    )
    more = len(series) - len(shown)
    rest = f'<tr><td colspan="4" class="more">and {more} more series</td></tr>' if more else ""
    quantiles = metric["type"] == "histogram"
    span, columns = (1, "<th>count</th><th>p50</th><th>p95</th>") if quantiles else (4, "")
    return f'<tbody><tr><th colspan="{span}" title="{title}">{escape(name)}</th>{columns}</tr>{rows}{rest}</tbody>'


def _weight(one: Mapping[str, Any]) -> float:
    weight: float = one.get("value", one.get("count", 0.0))
    return weight


def _labels(metric: str, labels: Mapping[str, str], constant_labels: Mapping[str, str]) -> str:
    """Write label values in catalog order; their names are in the tooltip."""
    order = dict.fromkeys((*_LABEL_ORDER.get(metric, ()), *sorted(labels)))
    shown = {name: labels[name] for name in order if labels.get(name) and name not in constant_labels}
    names = escape(", ".join(f"{name}={value}" for name, value in shown.items()), quote=True)
    values = "".join(f"<span>{escape(value)}</span>" for value in shown.values())
    return f'<div title="{names}">{values}</div>'


def _cells(one: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    unit = metric["unit"]
    if metric["type"] != "histogram":
        return f'<td colspan="3">{_with_unit(one["value"], unit)}</td>'
    quantiles = "".join(f"<td>{_with_unit(one[name], unit)}</td>" for name in ("p50", "p95"))
    return f"<td>{_number(one['count'])}</td>{quantiles}"


def _with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return _NOTHING
    if unit == "s" and 0 < abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    number = _number(value)
    suffix = {"s": "s", "By": "B", "%": "%"}.get(unit, "")
    return number + suffix if number[-1].isalpha() else f"{number} {suffix}".strip()


def _number(value: Any) -> str:
    """Write a number so that it can be compared at a glance."""
    if value is None:
        return _NOTHING
    for factor, prefix in _PREFIXES.items():
        if abs(value) >= max(factor, 1e4):
            return f"{value / factor:.1f} {prefix}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
