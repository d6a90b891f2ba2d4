"""The dashboards keep Grafana's conventions, and what is tuned of alerts shows on them."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from phoenix_otel.cli import main
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards import DASHBOARDS, dashboard_json
from tests.generate.conftest import Dashboards, generated
from tests.generate.panel_queries import panels

NAMES = ["overview", "scraper", "proxies", "rate_limits", "database", "system"]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
each_dashboard = pytest.mark.parametrize("name", NAMES)


def panel(dashboard: dict[str, Any], title: str, look: str = "timeseries") -> dict[str, Any]:
    (found,) = (each for each in panels(dashboard) if each["title"] == title and each["type"] == look)
    return found


def steps(dashboard: dict[str, Any], title: str, look: str = "timeseries") -> list[tuple[float | None, str]]:
    thresholds = panel(dashboard, title, look)["fieldConfig"]["defaults"]["thresholds"]
    assert thresholds["mode"] == "absolute"
    return [(step["value"], step["color"]) for step in thresholds["steps"]]


def with_rows(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (each for each in dashboard["panels"] if each["type"] == "row")
    yield from panels(dashboard)


def test_there_is_one_for_each_subject() -> None:
    assert list(DASHBOARDS) == NAMES


def test_each_has_a_title_an_address_and_the_tag_of_the_menu_of_its_own(dashboards: Dashboards) -> None:
    assert [dashboard["uid"] for dashboard in dashboards.values()] == [
        "phoenix-otel-overview",
        "phoenix-otel-scraper",
        "phoenix-otel-proxies",
        "phoenix-otel-rate-limits",
        "phoenix-otel-database",
        "phoenix-otel-system",
    ]
    assert len({dashboard["title"] for dashboard in dashboards.values()}) == 6


@each_dashboard
def test_settings(dashboards: Dashboards, name: str) -> None:
    dashboard = dashboards[name]

    assert dashboard["schemaVersion"] == 42
    assert dashboard["description"].endswith("?")
    assert dashboard["time"] == {"from": "now-3h", "to": "now"}
    assert dashboard["refresh"] == "30s"
    assert dashboard["timezone"] == "browser"
    assert "id" not in dashboard
    assert dashboard["tags"] == ["phoenix_otel"]
    (menu,) = dashboard["links"]
    assert (menu["type"], menu["tags"]) == ("dashboards", ["phoenix_otel"])
    assert menu["asDropdown"] is menu["includeVars"] is menu["keepTime"] is True


@each_dashboard
def test_variables(dashboards: Dashboards, name: str) -> None:
    datasource, job, instance = dashboards[name]["templating"]["list"]

    assert (datasource["name"], datasource["type"], datasource["query"]) == ("datasource", "datasource", "prometheus")
    assert (job["name"], job["query"]) == ("job", "label_values(system_cpu_usage_percent, job)")
    assert job["current"]["value"] == ["phoenix_scraper"]
    assert instance["name"] == "instance"
    assert instance["query"] == 'label_values(system_cpu_usage_percent{job=~"$job"}, instance)'
    assert instance["current"]["value"] == ["$__all"]
    assert instance["allValue"] == ".*"
    for variable in (job, instance):
        assert variable["type"] == "query"
        assert variable["datasource"] == DATASOURCE
        assert variable["multi"] is variable["includeAll"] is True
        assert variable["refresh"] == 2


@each_dashboard
def test_every_panel_says_what_it_shows(dashboards: Dashboards, name: str) -> None:
    units = importlib.import_module("grafana_foundation_sdk.models.units")
    known = {value for key, value in vars(units).items() if not key.startswith("_") and isinstance(value, str)}

    for each in panels(dashboards[name]):
        assert each["title"]
        assert each["description"].endswith((".", "?")), each["title"]
        assert each["fieldConfig"]["defaults"]["unit"] in known, each["title"]
        assert each["datasource"] == DATASOURCE
        assert [target["datasource"] for target in each["targets"]] == [DATASOURCE] * len(each["targets"])
        assert [target["refId"] for target in each["targets"]] == list("ABCDEF"[: len(each["targets"])])


@each_dashboard
def test_titles_are_unique_within_a_kind_of_panel(dashboards: Dashboards, name: str) -> None:
    titles = [(each["title"], each["type"]) for each in panels(dashboards[name])]

    assert len(titles) == len(set(titles))


@each_dashboard
def test_panels_lie_beside_each_other(dashboards: Dashboards, name: str) -> None:
    everything = list(with_rows(dashboards[name]))

    assert len({each["id"] for each in everything}) == len(everything)
    cells = {each["id"]: each["gridPos"] for each in everything}
    assert all(cell["w"] > 0 and cell["h"] > 0 and cell["x"] + cell["w"] <= 24 for cell in cells.values())
    for one, other in combinations(cells.values(), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@each_dashboard
def test_no_gap_is_left_at_the_right(dashboards: Dashboards, name: str) -> None:
    widths: dict[int, int] = {}
    for each in with_rows(dashboards[name]):
        widths[each["gridPos"]["y"]] = widths.get(each["gridPos"]["y"], 0) + each["gridPos"]["w"]

    assert set(widths.values()) == {24}


def test_rows_that_not_every_scraper_fills_are_closed(dashboards: Dashboards) -> None:
    rows = [each for name in NAMES for each in with_rows(dashboards[name]) if each["type"] == "row"]

    assert [row["title"] for row in rows if row["collapsed"]] == ["HTTP clients", "Browser", "Connection pools"]


def test_panels_lead_to_dashboards_that_exist(dashboards: Dashboards) -> None:
    linked = {link["url"] for each in panels(dashboards["overview"]) for link in each.get("links", ())}

    others = {dashboard["uid"] for name, dashboard in dashboards.items() if name != "overview"}
    assert linked == {f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}" for uid in others}


def test_alerts_are_marked_on_the_overview(dashboards: Dashboards) -> None:
    marks = dashboards["overview"]["annotations"]["list"]

    assert [(mark["name"], mark["iconColor"]) for mark in marks] == [
        ("Alerts: critical", "red"),
        ("Alerts: warning", "orange"),
        ("Alerts: info", "blue"),
    ]
    for mark, severity in zip(marks, ("critical", "warning", "info"), strict=True):
        firing = f'alertstate="firing",job=~"$job",instance=~"$instance|",severity="{severity}"'
        assert mark["expr"] == f"ALERTS{{{firing}}}"
        assert mark["enable"] is True
        assert mark["datasource"] == DATASOURCE
    assert all(not dashboards[name]["annotations"]["list"] for name in NAMES if name != "overview")


DEFAULT_STEPS: Mapping[tuple[str, str, str], list[tuple[float | None, str]]] = {
    ("overview", "Scrapers up", "stat"): [(None, "red"), (1, "green")],
    ("overview", "Failed requests", "stat"): [(None, "green"), (0.2, "orange"), (0.5, "red")],
    ("overview", "Failed requests", "timeseries"): [(None, "green"), (0.2, "orange"), (0.5, "red")],
    ("overview", "Response time", "timeseries"): [(None, "green"), (10, "orange")],
    ("overview", "Healthy proxies", "stat"): [(None, "red"), (1, "orange"), (3, "green")],
    ("overview", "Failed requests through proxies", "timeseries"): [(None, "green"), (0.3, "orange")],
    ("overview", "Rate limit hits", "stat"): [(None, "green"), (10, "orange")],
    ("overview", "Properties in 1h", "stat"): [(None, "blue"), (1, "green")],
    ("overview", "Session", "stat"): [(None, "blue"), (1, "green")],
    ("overview", "Session age", "stat"): [(None, "green"), (86400, "blue")],
    ("overview", "Database, p95", "stat"): [(None, "green"), (5, "orange")],
    ("overview", "Connection errors", "stat"): [(None, "green"), (3, "red")],
    ("overview", "Memory", "stat"): [(None, "green"), (90, "red")],
    ("scraper", "Response time by scraper, p95", "timeseries"): [(None, "green"), (10, "orange")],
    ("proxies", "Failed requests by scraper", "timeseries"): [(None, "green"), (0.3, "orange")],
    ("rate_limits", "Hits by scraper", "timeseries"): [(None, "green"), (10, "orange")],
    ("database", "Duration by scraper, p95", "timeseries"): [(None, "green"), (5, "orange")],
    ("system", "Memory", "timeseries"): [(None, "green"), (90, "red")],
}


@pytest.mark.parametrize("where", DEFAULT_STEPS, ids=lambda where: "-".join(where))
def test_panels_change_colour_where_alerts_fire(dashboards: Dashboards, where: tuple[str, str, str]) -> None:
    name, title, look = where

    assert steps(dashboards[name], title, look) == DEFAULT_STEPS[where]


def test_tuned_thresholds_and_severities_show() -> None:
    alerts = {
        "HighScrapingFailureRate": {"threshold": 0.4},
        "ScrapingSuccessRateLow": {"threshold": 0.9, "severity": "info"},
        "SlowResponseTime": {"threshold": "2s", "severity": "critical"},
        "LowHealthyProxyCount": {"threshold": 7},
        "NoPropertiesScraped": {"window": "2h"},
    }
    overview = generated(AlertConfig.read({"alerts": alerts}))["overview"]

    assert steps(overview, "Failed requests") == [(None, "green"), (0.1, "blue"), (0.4, "red")]
    assert steps(overview, "Response time") == [(None, "green"), (2, "red")]
    assert steps(overview, "Healthy proxies") == [(None, "red"), (1, "orange"), (7, "green")]
    assert "[2h]" in panel(overview, "Properties in 2h", "stat")["targets"][0]["expr"]


def test_the_more_severe_alert_gives_the_colour_where_both_fire() -> None:
    alerts = {"HighScrapingFailureRate": {"threshold": 0.1}, "ScrapingSuccessRateLow": {"threshold": 0.5}}
    overview = generated(AlertConfig.read({"alerts": alerts}))["overview"]

    assert steps(overview, "Failed requests") == [(None, "green"), (0.1, "red"), (0.5, "red")]


def test_a_disabled_alert_colours_nothing() -> None:
    config = AlertConfig(disabled=("NoHealthyProxies", "HighMemoryUsage"))
    overview = generated(config)["overview"]

    assert steps(overview, "Healthy proxies") == [(None, "orange"), (3, "green")]
    assert steps(overview, "Memory", "stat") == [(None, "green")]


def test_job_and_rate_window_come_from_the_configuration() -> None:
    dashboards = generated(AlertConfig(job="other_scraper", rate_window=120))

    for dashboard in dashboards.values():
        assert dashboard["templating"]["list"][1]["current"]["value"] == ["other_scraper"]
        assert "phoenix_scraper" not in json.dumps(dashboard["panels"])
    recorded = panel(dashboards["overview"], "Failed requests")["targets"][0]["expr"]
    assert recorded == 'job_instance:scraper_requests_failed:ratio_rate2m{job=~"$job",instance=~"$instance"}'


@each_dashboard
def test_queries_are_about_the_scrapers_that_are_chosen(dashboards: Dashboards, name: str) -> None:
    for each in panels(dashboards[name]):
        for target in each["targets"]:
            selectors = re.findall(r"\{[^}]*\}", target["expr"])
            assert selectors
            assert all('job=~"$job",instance=~"$instance' in selector for selector in selectors), target["expr"]


@each_dashboard
def test_windows(dashboards: Dashboards, name: str) -> None:
    """A rate's window follows the page's range; others are an alert's, or the whole range of the page."""
    allowed = {"rate": {"$__rate_interval"}, "increase": {"$__range", "5m", "1h"}, "max_over_time": {"1h"}}

    for each in panels(dashboards[name]):
        for target in each["targets"]:
            windows = re.findall(r"(\w+)\([^()]*?\[([^\]]+)\]\)", target["expr"])
            assert len(windows) == target["expr"].count("[") - target["expr"].count('"[')
            assert all(window in allowed[function] for function, window in windows), target["expr"]


@each_dashboard
def test_single_numbers_and_tables_are_of_now(dashboards: Dashboards, name: str) -> None:
    for each in panels(dashboards[name]):
        of_now = each["type"] in {"stat", "table", "bargauge"}
        assert all((target["instant"], target["range"]) == (of_now, not of_now) for target in each["targets"])


@each_dashboard
def test_quantiles_and_heatmaps_keep_the_buckets_apart(dashboards: Dashboards, name: str) -> None:
    for each in panels(dashboards[name]):
        for target in each["targets"]:
            assert (each["type"] == "heatmap") == (target["format"] == "heatmap")
            grouped = re.findall(r"sum by \(([^)]*)\) \(rate\(\w+_bucket", target["expr"])
            assert len(grouped) == target["expr"].count("_bucket")
            assert all(labels.split(", ")[-1] == "le" for labels in grouped)


def test_a_table_has_a_column_for_each_label_and_query(dashboards: Dashboards) -> None:
    table = panel(dashboards["proxies"], "Proxies one by one", "table")
    merge, organize = table["transformations"]

    assert merge["id"] == "merge"
    assert organize["id"] == "organize"
    assert organize["options"]["renameByName"] == {
        "proxy_id": "Proxy id",
        "Value #A": "Requests",
        "Value #B": "Failed",
        "Value #C": "Response time",
        "Value #D": "Failed checks",
    }
    units = {each["matcher"]["options"]: each["properties"][0]["value"] for each in table["fieldConfig"]["overrides"]}
    assert units == {"Requests": "reqps", "Failed": "percentunit", "Response time": "s", "Failed checks": "short"}


@each_dashboard
def test_the_sdk_reads_what_it_has_written(name: str) -> None:
    text = dashboard_json(name, AlertConfig())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        models = importlib.import_module("grafana_foundation_sdk.models.dashboard")
        plugins = importlib.import_module("grafana_foundation_sdk.cog.plugins")
        encoder = importlib.import_module("grafana_foundation_sdk.cog.encoder").JSONEncoder
    plugins.register_default_plugins()

    decoded = models.Dashboard.from_json(json.loads(text))

    assert json.loads(json.dumps(decoded, cls=encoder)) == json.loads(text)


@each_dashboard
def test_the_text_is_the_same_each_time(name: str) -> None:
    text = dashboard_json(name, AlertConfig())

    assert text == dashboard_json(name, AlertConfig())
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_files_and_provisioning(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('scrape_interval = "5s"\n', "utf-8")

    result = CliRunner().invoke(
        main, ["generate", "dashboards", "--out", str(tmp_path / "out"), "--config", str(settings)]
    )

    assert result.exit_code == 0, result.output
    grafana = tmp_path / "out" / "grafana"
    written = {path.relative_to(grafana).as_posix() for path in grafana.rglob("*") if path.is_file()}
    assert written == {
        *(f"dashboards/{name}.json" for name in NAMES),
        "provisioning/dashboards/phoenix_otel.yml",
        "provisioning/datasources/phoenix_otel.yml",
    }
    provisioning = grafana / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/phoenix_otel.yml").read_text("utf-8"))["datasources"]
    assert (source["type"], source["uid"], source["url"]) == (
        "prometheus",
        "phoenix-otel-prometheus",
        "http://prometheus:9090",
    )
    assert source["isDefault"] is True
    assert source["jsonData"]["timeInterval"] == "5s"
    (provider,) = yaml.safe_load((provisioning / "dashboards/phoenix_otel.yml").read_text("utf-8"))["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/dashboards")


def test_without_the_sdk_the_error_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None; "
        "from phoenix_otel.cli import main; main(['generate', *sys.argv[1:]])"
    )

    def generate(target: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, target, "--out", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    dashboards, alerts = generate("dashboards"), generate("alerts")

    assert dashboards.returncode == 2
    assert dashboards.stderr == (
        "phoenix-otel generate: making dashboards needs grafana-foundation-sdk: pip install 'phoenix-otel[generate]'\n"
    )
    assert (alerts.returncode, alerts.stderr) == (0, "")
