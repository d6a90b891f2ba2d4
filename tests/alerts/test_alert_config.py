"""AlertConfig: what can be set from Python and from a file, and what each wrong value is answered with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from phoenix_otel import AlertConfig, AlertRule, ConfigError, export_prometheus_config

EVERYTHING: Final = """
disabled = ["SessionExpired"]
rate_window = "10m"
job = "mls"
scrape_interval = 30
evaluation_interval = "1m"
targets = ["scraper-1:9090", "dns+workers:9090", "[::1]:9090"]
collectors = []
alertmanagers = ["alertmanager-1:9093"]
external_labels = { cluster = "west" }
runbooks_url = "https://wiki.example.com/runbooks"

[alerts.HighScrapingFailureRate]
threshold = 0.6
floor = 20
for = "1h30m"
keep_firing_for = "0s"
severity = "warning"

[alerts.NoPropertiesScraped]
window = "2h"

[[rules]]
name = "QueueIsLong"
expression = "queue_length > 100"
duration = 90
keep_firing_for = "2m"
severity = "info"
summary = "The queue of {{ $labels.instance }} is long"
description = "{{ $value }} pages wait."
runbook_url = "https://wiki.example.com/queue"
labels = { team = "data" }

[[notifications.email]]
to = "oncall@example.com"
sender = "alerts@example.com"
smarthost = "[::1]:25"
username = "alerts"
password_file = "/run/secrets/smtp"
require_tls = false
severities = ["critical"]

[[notifications.slack]]
api_url_file = "/run/secrets/slack"
channel = "#scraper"
severities = ["warning"]

[[notifications.webhook]]
url_file = "/run/secrets/webhook"
severities = ["info"]

[[routes]]
name = "development"
matchers = 'environment="dev"'
go_on = true

[[routes.webhook]]
url = "http://receiver:8080/"

[grouping]
group_by = ["alertname"]
group_wait = "0s"
group_interval = "1m"
repeat_critical = "10m"
repeat_warning = "20m"
repeat_info = "30m"
resolve_timeout = "1m"

[collector]
memory_limit_mib = 512
gateway = "gateway:4317"
"""
RULE: Final = {"name": "QueueIsLong", "expression": "queue_length > 100", "summary": "The queue is long"}
MAIL: Final = {"to": "oncall@example.com", "sender": "alerts@example.com", "smarthost": "smtp.example.com:25"}
DURATIONS: Final = "a duration such as 30s, 5m or 1h30m, or seconds, from {} s to 365 days"


def read(tmp_path: Path, text: str) -> AlertConfig:
    """Read a configuration from a file."""
    path = tmp_path / "alerts.toml"
    path.write_text(text, "utf-8")
    return AlertConfig.from_file(path)


def rule(config: AlertConfig, name: str) -> dict[str, Any]:
    """Return one rule as Prometheus gets it."""
    groups = config.to_prometheus_config()["groups"]
    (found,) = (each for group in groups for each in group["rules"] if each.get("alert") == name)
    return dict(found)


def problems(**options: Any) -> list[str]:
    """Return what is said about wrong options, line by line."""
    with pytest.raises(ConfigError) as raised:
        AlertConfig(**options)
    return str(raised.value).splitlines()


def test_defaults_are_the_committed_rules() -> None:
    committed = Path(__file__).parents[2] / "collector-config/prometheus/alerts.yml"
    assert AlertConfig().to_prometheus_config() == yaml.safe_load(committed.read_text("utf-8"))


def test_a_file_sets_everything(tmp_path: Path) -> None:
    config = read(tmp_path, EVERYTHING)
    export_prometheus_config(tmp_path, config)
    prometheus = yaml.safe_load((tmp_path / "prometheus/prometheus.yml").read_text("utf-8"))
    alertmanager = yaml.safe_load((tmp_path / "alertmanager/alertmanager.yml").read_text("utf-8"))
    route = alertmanager["route"]

    assert prometheus["global"] == {
        "scrape_interval": "30s",
        "evaluation_interval": "1m",
        "external_labels": {"cluster": "west"},
    }
    assert [each["job_name"] for each in prometheus["scrape_configs"]] == ["mls", "prometheus", "alertmanager"]
    assert prometheus["scrape_configs"][0]["static_configs"] == [{"targets": ["scraper-1:9090", "[::1]:9090"]}]
    assert prometheus["scrape_configs"][0]["dns_sd_configs"][0]["names"] == ["workers"]
    assert prometheus["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager-1:9093"]}]}]
    assert [group["name"] for group in config.to_prometheus_config()["groups"]] == [
        "mls_recording",
        "mls_critical",
        "mls_warning",
        "mls_info",
    ]
    assert alertmanager["global"] == {"resolve_timeout": "1m"}
    assert (route["group_by"], route["group_wait"], route["group_interval"]) == (["alertname"], "0s", "1m")
    assert [each["receiver"] for each in route["routes"]] == ["development", "critical", "warning", "info"]
    assert route["routes"][0] == {"receiver": "development", "matchers": ['environment="dev"'], "continue": True}
    assert [each["repeat_interval"] for each in route["routes"][1:]] == ["10m", "20m", "30m"]
    assert [sorted(each) for each in alertmanager["receivers"]] == [
        ["name"],
        ["email_configs", "name"],
        ["name", "slack_configs"],
        ["name", "webhook_configs"],
        ["name", "webhook_configs"],
    ]
    assert (config.collector.memory_limit_mib, config.collector.gateway) == (512, "gateway:4317")


def test_python_sets_what_a_file_does(tmp_path: Path) -> None:
    text = "job = 'mls'\n[alerts.HighMemoryUsage]\nthreshold = 80\nfor = '1h30m'\n[grouping]\ngroup_wait = '5s'\n"
    tuning = {"HighMemoryUsage": {"threshold": 80, "for": 5400}}
    config = AlertConfig(job="mls", alerts=tuning, grouping={"group_wait": 5})  # type: ignore[arg-type]
    assert read(tmp_path, text) == config


def test_a_tuned_alert_says_its_limits() -> None:
    tuning = {"threshold": 0.6, "floor": 20, "for": "1h30m", "keep_firing_for": "0s", "severity": "warning"}
    runbooks = "https://wiki.example.com/runbooks"
    config = AlertConfig(
        alerts={"HighScrapingFailureRate": tuning},  # type: ignore[dict-item]
        rate_window="10m",  # type: ignore[arg-type]
        runbooks_url=runbooks,
    )

    found = rule(config, "HighScrapingFailureRate")

    assert "ratio_rate10m > 0.6\n" in found["expr"]
    assert "[10m])) > 19" in found["expr"]
    assert found["for"] == "90m"
    assert "keep_firing_for" not in found
    assert found["labels"] == {"severity": "warning"}
    assert found["annotations"]["description"] == (
        "{{ $value | humanizePercentage }} of the requests of the last 10m failed (limit: 60%)."
    )
    assert found["annotations"]["runbook_url"] == f"{runbooks}#highscrapingfailurerate"


def test_tuning_of_one_alert_leaves_the_others() -> None:
    tuned = AlertConfig(alerts={"SlowResponseTime": {"threshold": "2s"}})  # type: ignore[dict-item]
    before = {each.name: each for each in AlertConfig().alert_rules()}
    after = {each.name: each for each in tuned.alert_rules()}

    assert {name for name in before if before[name] != after[name]} == {"SlowResponseTime"}
    assert after["SlowResponseTime"].expression.startswith(
        "job_instance:scraper_response_time_seconds:p95_rate5m > 2\n"
    )
    assert "(limit: 2s)" in after["SlowResponseTime"].description


def test_disabled_alerts_are_left_out() -> None:
    disabled = ("SessionExpired", "SessionAgeTooOld", "NoPropertiesScraped")
    config = AlertConfig(disabled=disabled)
    left = {each.name for each in config.alert_rules()}

    assert left == {each.name for each in AlertConfig().alert_rules()} - set(disabled)
    assert "phoenix_scraper_info" not in {group["name"] for group in config.to_prometheus_config()["groups"]}


def test_a_rule_of_your_own() -> None:
    own = AlertRule(**RULE, duration="1m30s", labels={"team": "data"})  # type: ignore[arg-type]
    assert rule(AlertConfig(rules=(own,)), "QueueIsLong") == {
        "alert": "QueueIsLong",
        "expr": "queue_length > 100",
        "for": "90s",
        "labels": {"severity": "warning", "team": "data"},
        "annotations": {"summary": "The queue is long"},
    }


def test_a_rule_of_your_own_takes_the_place_of_a_disabled_one() -> None:
    own = AlertRule(**{**RULE, "name": "HighMemoryUsage"})  # type: ignore[arg-type]
    assert rule(AlertConfig(disabled=("HighMemoryUsage",), rules=(own,)), "HighMemoryUsage")["expr"] == own.expression
    assert problems(rules=[own]) == [
        "option rules: 'HighMemoryUsage' from argument is not allowed; allowed: names that no other alert has"
    ]


def test_a_configuration_can_be_made_from_another() -> None:
    config = AlertConfig(alerts={"HighMemoryUsage": {"threshold": 80}}, external_labels={"cluster": "west"})  # type: ignore[dict-item]
    other = dataclasses.replace(config, job="mls")

    assert other.job == "mls"
    assert dataclasses.replace(other, job=config.job) == config


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("5m", "5m"),
        ("1h30m", "90m"),
        (90, "90s"),
        ("0s", "0s"),
        (0, "0s"),
        ("1d", "24h"),
        (0.25, "250ms"),
        ("90", "90s"),
    ],
)
def test_durations(given: object, written: str) -> None:
    tuning = {"HighMemoryUsage": {"for": given}}
    assert rule(AlertConfig(alerts=tuning), "HighMemoryUsage")["for"] == written  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"rate_window": "5 minutes"},
            f"rate_window: '5 minutes' from argument is not allowed; {DURATIONS.format(0.1)}",
        ),
        ({"rate_window": True}, f"rate_window: True from argument is not allowed; {DURATIONS.format(0.1)}"),
        ({"scrape_interval": "0s"}, f"scrape_interval: '0s' from argument is not allowed; {DURATIONS.format(0.1)}"),
        ({"rate_window": "59s"}, "rate_window: 59.0 from argument is not allowed; at least 4 scrape_intervals"),
        ({"job": "two words"}, "job: 'two words' from argument is not allowed; a word"),
        (
            {"targets": ["http://scraper:9090"]},
            "targets.0: 'http://scraper:9090' from argument is not allowed; "
            "host:port, or dns+name:port for what DNS finds",
        ),
        (
            {"alerts": {"SlowResponseTime": {"threshold": "-1"}}},
            f"alerts.SlowResponseTime.threshold: '-1' from argument is not allowed; {DURATIONS.format(0.001)}",
        ),
        (
            {"alerts": {"HighProxyFailureRate": {"threshold": 30}}},
            "alerts.HighProxyFailureRate.threshold: 30 from argument is not allowed; a share from 0 to 1",
        ),
        (
            {"alerts": {"HighMemoryUsage": {"threshold": float("nan")}}},
            "alerts.HighMemoryUsage.threshold: nan from argument is not allowed; percent from 0 to 100",
        ),
        (
            {"alerts": {"HighMemoryUsage": {"severity": "page"}}},
            "alerts.HighMemoryUsage.severity: 'page' from argument is not allowed; critical or warning or info",
        ),
        (
            {"alerts": {"HighMemoryUsage": {"floor": 5}}},
            "alerts.HighMemoryUsage.floor: 5 from argument is not allowed; "
            "severity, threshold, for, keep_firing_for of this alert",
        ),
        (
            {"rules": [{**RULE, "name": "Queue is long"}]},
            "rules.0.name: 'Queue is long' from argument is not allowed; a name in CamelCase",
        ),
        ({"rules": [RULE, RULE]}, "rules: 'QueueIsLong' from argument is not allowed; names that no other alert has"),
        (
            {"rules": [{**RULE, "labels": {"severity": "page"}}]},
            "rules.0.labels: {'severity': 'page'} from argument is not allowed; "
            "names of labels other than alertname and severity, and their values",
        ),
        (
            {"routes": [{"name": "a", "matchers": "a=b"}] * 2},
            "routes: 'a' from argument is not allowed; names that no other route has",
        ),
        (
            {"routes": [{"name": "critical", "matchers": "a=b"}]},
            "routes.0.name: 'critical' from argument is not allowed; a word other than nobody, critical, warning, info",
        ),
        (
            {"notifications": {"email": [{**MAIL, "username": "me"}]}},
            "notifications.email.0.password_file: '' from argument is not allowed; given together with username",
        ),
        (
            {"notifications": {"email": [{**MAIL, "to": ["me@example.com", "you@"]}]}},
            "notifications.email.0.to: ['me@example.com', 'you@'] from argument is not allowed; "
            "one or more e-mail addresses",
        ),
        (
            {"notifications": {"webhook": [{"url": "http://a/", "url_file": "/b"}]}},
            "notifications.webhook.0.url: 'http://a/' from argument is not allowed; one of url and url_file",
        ),
        (
            {"grouping": {"group_by": ["alert name"]}},
            "grouping.group_by.0: 'alert name' from argument is not allowed; a label's name",
        ),
    ],
)
def test_a_wrong_value_is_one_clear_line(options: dict[str, Any], message: str) -> None:
    assert problems(**options) == [f"option {message}".replace(" not allowed; ", " not allowed; allowed: ")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"alerts": {"HighMemory": {}}},
            "alerts.HighMemory: {} from argument is unknown; did you mean HighMemoryUsage?",
        ),
        (
            {"alerts": {"HighMemoryUsage": {"treshold": 80}}},
            "alerts.HighMemoryUsage.treshold: 80 from argument is unknown; did you mean threshold?",
        ),
        ({"grouping": {"group_wai": 1}}, "grouping.group_wai: 1 from argument is unknown; did you mean group_wait?"),
        (
            {"notifications": {"pager": []}},
            "notifications.pager: [] from argument is unknown; allowed: email, slack, webhook",
        ),
        ({"rules": [{**RULE, "sumary": "x"}]}, "rules.0.sumary: 'x' from argument is unknown; did you mean summary?"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(options: dict[str, Any], message: str) -> None:
    assert problems(**options) == [f"option {message}"]


def test_all_that_is_wrong_in_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "alerts.toml"
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, "rate_windw = 3\njob = ''\n[alerts.SessionExpired]\nfor = 'soon'\n[[routes]]\nname = 'a'\n")

    assert str(raised.value).splitlines() == [
        f"option rate_windw: 3 from file {path} is unknown; did you mean rate_window?",
        f"option alerts.SessionExpired.for: 'soon' from file {path} is not allowed; allowed: {DURATIONS.format(0)}",
        f"option job: '' from file {path} is not allowed; allowed: a word",
        f"option routes.0.matchers: () from file {path} is not allowed; "
        "allowed: matchers such as 'environment=\"dev\"', each of =, !=, =~, !~",
    ]


@pytest.mark.parametrize(
    ("notifications", "where"),
    [
        ({"email": [{**MAIL, "password": "hunter2"}]}, "email.0.password: REDACTED"),
        ({"email": {**MAIL, "password": "hunter2"}}, "email: {"),
        (
            {"slack": [{"channel": "#a", "api_url": "https://hooks.example.com/T0/hunter2"}]},
            "slack.0.api_url: REDACTED",
        ),
        (
            {"slack": [{"channel": "#a", "api_url_file": "https://hooks.example.com/T0/hunter2"}]},
            "slack.0.api_url_file: REDACTED",
        ),
        ({"webhook": [{"url_file": "https://example.com/hunter2"}]}, "webhook.0.url_file: REDACTED"),
        ({"webhook": [{"url": "https://me:hunter2@example.com/a"}]}, "webhook.0.url: 'https://example.com/a'"),
        (
            {"webhook": [{"url": "https://example.com/a?key=hunter2"}]},
            "webhook.0.url: 'https://example.com/a?key=REDACTED'",
        ),
    ],
)
def test_a_secret_is_refused_and_not_shown(notifications: dict[str, Any], where: str) -> None:
    lines = problems(notifications=notifications)
    assert lines[0].startswith(f"option notifications.{where}")
    assert not [line for line in lines if "hunter2" in line]


@pytest.mark.parametrize("text", ["job = = 1", "job = 'a'\njob = 'b'"])
def test_a_broken_file_is_one_clear_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^option config: '.*alerts.toml' from argument cannot be read \(.*\); allowed"
    ):
        read(tmp_path, text)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^option config: '.*missing.toml' from argument cannot be read \(.*\); allowed"
    ):
        AlertConfig.from_file(tmp_path / "missing.toml")
