"""docs/metrics.md: every metric with its labels, unit and buckets."""

from __future__ import annotations

from collections.abc import Iterator

from phoenix_otel.catalog import ATTRIBUTES, DOMAINS, TITLES, Metric


def metric_reference() -> str:
    """Return the whole page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield "<!-- made from phoenix_otel/catalog by `make generate`; edit it there -->"
    yield ""
    yield "The first name is what a scrape of `/metrics` shows, the second is the OpenTelemetry instrument, as in OTLP."
    yield "Times are in seconds, sizes in bytes. Histograms also have `_bucket`, `_sum` and `_count`."
    for domain, metrics in DOMAINS.items():
        yield from ("", f"## {TITLES[domain]}", "")
        yield "| metric | OpenTelemetry | type | unit | labels | what it tells |"
        yield "|---|---|---|---|---|---|"
        yield from (_row(metric) for metric in metrics)
        yield from _buckets(metrics)
    yield from ("", "## Labels", "", "| label | meaning |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in ATTRIBUTES.items())
    yield ""
    yield "Labels given by `MetricsConfig(labels=...)` are on every series besides. Once a metric has as many attribute"
    yield "sets as `cardinality_limit` allows, what comes beyond is counted in one series, marked"
    yield '`otel_metric_overflow="true"`.'


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{name}`" for name in metric.attributes) or "none"
    unit = f"`{metric.unit}`" if metric.unit else "none"
    return (
        f"| `{metric.prometheus_name}` | `{metric.name}` | {metric.kind} | {unit} | {labels} | {metric.description} |"
    )


def _buckets(metrics: tuple[Metric, ...]) -> Iterator[str]:
    histograms = [metric for metric in metrics if metric.buckets]
    if histograms:
        yield ""
        yield "Buckets:"
        yield ""
    for metric in histograms:
        option = f" (option `{metric.bucket_option}`)" if metric.bucket_option else ""
        yield f"- `{metric.prometheus_name}`: {', '.join(f'{bound:.10g}' for bound in metric.buckets)}{option}"
