"""Queries of panels, rules and alerts: every metric is used, every one exists, and Prometheus answers as it should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from phoenix_otel.catalog import METRICS, Metric
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.recording_rules import RECORDING_RULES
from tests.generate.conftest import Dashboards
from tests.generate.panel_queries import PanelQuery, panel_queries
from tests.generate.promtool import check_rules, evaluate, grouping_labels, metric_names

CONFIG = AlertConfig()
OF_PROMETHEUS = {"up", "target_info", "ALERTS"}
OF_TARGETS = {"job", "instance", "le", "service_name", "service_version", "telemetry_sdk_version"}
OF_ALERTS = {"alertname", "severity"}
JOB = 'job="phoenix_scraper"'
JOB_AND_INSTANCE = 'instance="a:1",job="phoenix_scraper"'
ALIVE = f"job_instance:scraper_alive:group{{{JOB_AND_INSTANCE}}}"


def queries(dashboards: Dashboards) -> list[PanelQuery]:
    return [
        query
        for dashboard in dashboards.values()
        for query in panel_queries(dashboard, job="phoenix_scraper", rate_interval="5m", time_range="3h")
    ]


def shown(metric: Metric) -> set[str]:
    """The names under which a metric's series are stored."""
    suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
    return {metric.prometheus_name + suffix for suffix in suffixes}


def test_every_metric_is_on_a_panel_or_in_an_alert(dashboards: Dashboards) -> None:
    queried = metric_names(
        [*(query.expr for query in queries(dashboards)), *(rule.expression for rule in CONFIG.alert_rules())]
    )

    assert [metric.name for metric in METRICS if not shown(metric) & queried] == []


def test_every_recorded_series_is_on_a_panel_or_in_an_alert(dashboards: Dashboards) -> None:
    queried = metric_names(
        [*(query.expr for query in queries(dashboards)), *(rule.expression for rule in CONFIG.alert_rules())]
    )

    assert {rule.record(CONFIG.query) for rule in RECORDING_RULES} <= queried


@pytest.mark.parametrize("config", [CONFIG, AlertConfig(rate_window=120)], ids=["default", "tuned"])
def test_every_metric_that_is_queried_exists(dashboards: Dashboards, config: AlertConfig) -> None:
    recorded = {rule.record(config.query) for rule in RECORDING_RULES}
    exists = {name for metric in METRICS for name in shown(metric)} | recorded | OF_PROMETHEUS
    rules: Iterable[str] = (
        *(rule.expression(config.query) for rule in RECORDING_RULES),
        *(rule.expression for rule in config.alert_rules()),
    )
    of_panels: Iterable[str] = (query.expr for query in queries(dashboards)) if config is CONFIG else ()

    assert metric_names([*rules, *of_panels]) - exists == set()


def test_queries_group_by_labels_that_their_metrics_have(dashboards: Dashboards) -> None:
    attributes = {
        name: {attribute.replace(".", "_") for attribute in metric.attributes}
        for metric in METRICS
        for name in shown(metric)
    }
    for query in queries(dashboards):
        (names, known) = metric_names([query.expr]), OF_TARGETS | OF_ALERTS
        known = known.union(*(attributes.get(name, set()) for name in names))
        assert grouping_labels(query.expr) - known == set(), query


def test_prometheus_takes_every_query(dashboards: Dashboards, tmp_path: Path) -> None:
    expressions = [query.expr for query in queries(dashboards)]

    assert len(expressions) > 100
    check_rules(tmp_path, expressions)


CASES: Mapping[str, tuple[str, str, Mapping[str, str], Mapping[str, float]]] = {
    "only failures so far": (
        "Scraper",
        "Failed requests by endpoint",
        {f'scraper_requests_total{{{JOB_AND_INSTANCE},endpoint="search",status="failed"}}': "0+6x20"},
        {'{endpoint="search"}': 1},
    ),
    "only successes so far": (
        "Scraper",
        "Failed requests by endpoint",
        {f'scraper_requests_total{{{JOB_AND_INSTANCE},endpoint="search",status="success"}}': "0+6x20"},
        {'{endpoint="search"}': 0},
    ),
    "one in four fails": (
        "Scraper",
        "Failed requests by endpoint",
        {
            f'scraper_requests_total{{{JOB_AND_INSTANCE},endpoint="search",status="success"}}': "0+6x20",
            f'scraper_requests_total{{{JOB_AND_INSTANCE},endpoint="search",status="failed"}}': "0+2x20",
        },
        {'{endpoint="search"}': 0.25},
    ),
    "no answer and an error status are failures, a redirect is none": (
        "Scraper",
        "Failed HTTP requests by host",
        {
            f'http_client_request_duration_seconds_count{{{JOB_AND_INSTANCE},server_address="site"{rest}}}': "0+6x20"
            for rest in (
                ',http_response_status_code="200"',
                ',http_response_status_code="302"',
                ',http_response_status_code="503"',
                ',error_type="TimeoutError"',
            )
        },
        {'{server_address="site"}': 0.5},
    ),
    "the first error of a kind counts": (
        "Scraper",
        "Errors in this time range",
        {
            f'scraper_errors_total{{{JOB_AND_INSTANCE},endpoint="search",error_type="Banned"}}': "_x8 1x12",
            f'scraper_errors_total{{{JOB_AND_INSTANCE},endpoint="search",error_type="Gone"}}': "_x5 2x15",
        },
        {'{endpoint="search",error_type="Banned"}': 1, '{endpoint="search",error_type="Gone"}': 2},
    ),
    "95 of 100 within a second": (
        "Scraper",
        "Response time by endpoint, p95",
        {
            f'scraper_response_time_seconds_bucket{{{JOB_AND_INSTANCE},endpoint="search",le="{le}"}}': f"0+{each}x20"
            for le, each in (("0.5", 0), ("1", 95), ("2.5", 100), ("+Inf", 100))
        },
        {'{endpoint="search"}': 1},
    ),
    "a scraper that never hit a limit": (
        "Rate limits",
        "Hits by scraper",
        {ALIVE: "1x20"},
        {f"{{{JOB_AND_INSTANCE}}}": 0},
    ),
    "properties of a zipcode that is new count": (
        "Overview",
        "Properties in 1h",
        {
            ALIVE: "1x20",
            f'scraper_properties_scraped_total{{{JOB_AND_INSTANCE},zipcode="85001",status="success"}}': "_x9 7x11",
        },
        {"{}": 7},
    ),
    "no property at all": ("Overview", "Properties in 1h", {ALIVE: "1x20"}, {"{}": 0}),
    "no scraper at all": ("Overview", "Scrapers up", {}, {"{}": 0}),
    "a scraper that is gone": (
        "Overview",
        "Scrapers",
        {ALIVE: "1x5 stale"},
        {f"{{{JOB_AND_INSTANCE}}}": 0},
    ),
    "alerts about no scraper in particular are counted": (
        "Overview",
        "Firing alerts",
        {
            'ALERTS{alertname="ScraperNotResponding",alertstate="firing",job="phoenix_scraper"}': "1x20",
            f'ALERTS{{alertname="HighMemoryUsage",alertstate="firing",{JOB_AND_INSTANCE}}}': "1x20",
            f'ALERTS{{alertname="SessionExpired",alertstate="pending",{JOB_AND_INSTANCE}}}': "1x20",
            'ALERTS{alertname="Other",alertstate="firing",job="other"}': "1x20",
        },
        {"{}": 2},
    ),
    "no alert": ("Overview", "Firing alerts", {}, {"{}": 0}),
    "a database that two scrapers share": (
        "Database",
        "Documents in collections",
        {
            f'database_collection_document_count{{{JOB},instance="{instance}",collection="listings"}}': f"{count}x20"
            for instance, count in (("a:1", 40), ("b:1", 41))
        },
        {'{collection="listings"}': 41},
    ),
    "three of four connections in use": (
        "Database",
        "Pools in use",
        {
            f"db_client_connection_count{{{JOB_AND_INSTANCE},"
            f'db_client_connection_pool_name="db:27017",db_client_connection_state="{state}"}}': f"{count}x20"
            for state, count in (("used", 3), ("idle", 1))
        }
        | {f'db_client_connection_max{{{JOB_AND_INSTANCE},db_client_connection_pool_name="db:27017"}}': "4x20"},
        {'{db_client_connection_pool_name="db:27017"}': 0.75},
    ),
    "nine of ten requests of the quota are used up": (
        "Rate limits",
        "Quota in use",
        {
            f'rate_limit_current_rate{{{JOB_AND_INSTANCE},endpoint="search"}}': "9x20",
            f'rate_limit_limit_remaining{{{JOB_AND_INSTANCE},endpoint="search"}}': "1x20",
        },
        {'{endpoint="search"}': 0.9},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_answers(dashboards: Dashboards, tmp_path: Path, case: str) -> None:
    dashboard, panel, series, expected = CASES[case]
    (expression,) = (
        query.expr
        for query in queries(dashboards)
        if (query.dashboard, query.panel) == (f"Phoenix scraper: {dashboard}", panel)
    )

    evaluate(tmp_path, series, expression, expected)
