"""The generated Alertmanager configuration: amtool accepts it, alerts find their receivers, and a real one inhibits."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.files import export_prometheus_config
from tests.stack.alertmanager import AlertmanagerServer
from tests.stack.process import ROOT, binary, running

DEFAULT: Final = ROOT / "collector-config/alertmanager/alertmanager.yml"
MAIL: Final = {"to": "oncall@example.com", "sender": "alerts@example.com", "smarthost": "smtp.example.com:587"}
NOTIFICATIONS: Final = {
    "email": [
        {**MAIL, "username": "alerts", "password_file": "/run/secrets/smtp"},
        {**MAIL, "to": ["boss@example.com", "me@example.com"], "severities": ["critical"], "require_tls": False},
    ],
    "slack": [{"api_url_file": "/run/secrets/slack", "channel": "#scraper", "severities": ["warning", "info"]}],
    "webhook": [
        {"url": "http://receiver:8080/alerts"},
        {"url_file": "/run/secrets/webhook", "severities": ["critical"]},
    ],
}
ROUTES: Final = [
    {
        "name": "audit",
        "matchers": ['severity=~"critical|warning"'],
        "go_on": True,
        "webhook": [{"url": "http://audit"}],
    },
    {"name": "proxies", "matchers": ['alertname=~".*Prox.*"', "environment!=dev"], "email": [MAIL]},
    {"name": "development", "matchers": ["environment=dev"]},
]
TWINS: Final = {
    "HighScrapingFailureRate": {"ScrapingSuccessRateLow"},
    "NoHealthyProxies": {"LowHealthyProxyCount", "HighProxyFailureRate"},
    "DatabaseConnectionFailures": {"SlowDatabaseQueries"},
}
ALONE: Final = {"HighMemoryUsage", "HighRateLimitHits", "SlowResponseTime", "SessionExpired", "SessionAgeTooOld"} | {
    "NoPropertiesScraped"
}
OTHERS: Final = sorted(set(TWINS) | ALONE | {warning for warnings in TWINS.values() for warning in warnings})


def amtool(*arguments: str) -> str:
    """Run amtool; what it says, or a failure with that."""
    run = subprocess.run(
        [binary("alertmanager", "amtool"), *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    if run.returncode:
        pytest.fail(run.stdout + run.stderr)
    return run.stdout


def receivers_of(path: Path, **labels: str) -> list[str]:
    """Ask amtool which receivers an alert with these labels is sent to."""
    given = (f"{name}={value}" for name, value in labels.items())
    return amtool("config", "routes", "test", f"--config.file={path}", *given).strip().split(",")


def receiver(path: Path, name: str) -> dict[str, Any]:
    """Read one receiver of the file."""
    document = yaml.safe_load(path.read_text("utf-8"))
    (found,) = (each for each in document["receivers"] if each["name"] == name)
    return dict(found)


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """Write a configuration that uses everything, and return Alertmanager's file."""
    export_prometheus_config(tmp_path, AlertConfig(notifications=NOTIFICATIONS, routes=ROUTES))  # type: ignore[arg-type]
    return tmp_path / "alertmanager/alertmanager.yml"


def test_amtool_accepts_the_default() -> None:
    said = amtool("check-config", str(DEFAULT))
    assert "SUCCESS" in said
    assert " - 4 receivers" in said
    assert " - 1 templates" in said


def test_amtool_accepts_all_that_can_be_set(full: Path) -> None:
    said = amtool("check-config", str(full))
    assert "SUCCESS" in said
    assert " - 7 receivers" in said


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_an_alert_goes_to_the_receiver_of_its_severity(severity: str) -> None:
    assert receivers_of(DEFAULT, severity=severity, alertname="SlowResponseTime") == [severity]


@pytest.mark.parametrize("labels", [{"alertname": "Watchdog"}, {"alertname": "Watchdog", "severity": "page"}])
def test_an_alert_without_one_of_our_severities_goes_to_nobody(labels: dict[str, str]) -> None:
    assert receivers_of(DEFAULT, **labels) == ["nobody"]
    assert receiver(DEFAULT, "nobody") == {"name": "nobody"}


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "critical", "alertname": "HighMemoryUsage"}, ["audit", "critical"]),
        ({"severity": "info", "alertname": "SessionExpired"}, ["info"]),
        ({"severity": "critical", "alertname": "NoHealthyProxies"}, ["audit", "proxies"]),
        ({"severity": "warning", "alertname": "LowHealthyProxyCount", "environment": "dev"}, ["audit", "development"]),
        ({"severity": "info", "alertname": "SessionExpired", "environment": "dev"}, ["development"]),
        ({"alertname": "Watchdog"}, ["nobody"]),
    ],
)
def test_own_routes_come_before_those_by_severity(full: Path, labels: dict[str, str], receivers: list[str]) -> None:
    assert receivers_of(full, **labels) == receivers


@pytest.mark.parametrize(
    ("name", "mails", "channels", "webhooks"),
    [
        (
            "critical",
            ["oncall@example.com", "boss@example.com, me@example.com"],
            [],
            ["http://receiver:8080/alerts", "/run/secrets/webhook"],
        ),
        ("warning", ["oncall@example.com"], ["#scraper"], ["http://receiver:8080/alerts"]),
        ("info", [], ["#scraper"], ["http://receiver:8080/alerts"]),
        ("audit", [], [], ["http://audit"]),
        ("proxies", ["oncall@example.com"], [], []),
        ("development", [], [], []),
        ("nobody", [], [], []),
    ],
)
def test_a_receiver_tells_whom_its_severity_is_for(
    full: Path, name: str, mails: list[str], channels: list[str], webhooks: list[str]
) -> None:
    found = receiver(full, name)
    assert [each["to"] for each in found.get("email_configs", [])] == mails
    assert [each["channel"] for each in found.get("slack_configs", [])] == channels
    assert [each.get("url") or each["url_file"] for each in found.get("webhook_configs", [])] == webhooks


def test_secrets_are_named_by_their_files(full: Path) -> None:
    critical = receiver(full, "critical")
    first, second = critical["email_configs"]
    assert (first["auth_username"], first["auth_password_file"]) == ("alerts", "/run/secrets/smtp")
    assert (first["require_tls"], second["require_tls"]) == (True, False)
    assert "auth_username" not in second
    assert receiver(full, "warning")["slack_configs"][0]["api_url_file"] == "/run/secrets/slack"


def test_everybody_hears_of_the_end_too(full: Path) -> None:
    receivers = yaml.safe_load(full.read_text("utf-8"))["receivers"]
    told = [config for each in receivers for kind, configs in each.items() if kind != "name" for config in configs]
    assert len(told) == 11
    assert all(config["send_resolved"] is True for config in told)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertmanagerServer]:
    with running(AlertmanagerServer(DEFAULT.parent.parent, tmp_path_factory.mktemp("alertmanager"))) as server:
        yield server


def inhibitions(server: AlertmanagerServer, *alerts: tuple[str, str]) -> set[tuple[str, str, str]]:
    """Send alerts (name, instance) of a job of their own; return (name, instance, name of what inhibits it)."""
    job = f"job_{time.monotonic_ns()}"
    _send(server, job, *alerts)
    _send(server, job, *_LAST)
    # it takes alerts in one after another: once it silences the last one, it knows all before it
    deadline = time.monotonic() + 10
    while (_LAST[1][0], "last", _LAST[0][0]) not in (found := _inhibited(server, job)):
        assert time.monotonic() < deadline
    return {each for each in found if each[1] != "last"}


_LAST: Final = (("NoHealthyProxies", "last"), ("LowHealthyProxyCount", "last"))


def _send(server: AlertmanagerServer, job: str, *alerts: tuple[str, str]) -> None:
    server.send({"alertname": name, "instance": instance, "job": job} for name, instance in alerts)


def _inhibited(server: AlertmanagerServer, job: str) -> set[tuple[str, str, str]]:
    alerts = [alert for alert in server.alerts() if alert["labels"]["job"] == job]
    names = {alert["fingerprint"]: alert["labels"]["alertname"] for alert in alerts}
    return {
        (alert["labels"]["alertname"], alert["labels"]["instance"], names[source])
        for alert in alerts
        for source in alert["status"]["inhibitedBy"]
    }


def test_a_scraper_that_does_not_respond_silences_all_else_about_it(alertmanager: AlertmanagerServer) -> None:
    """And nothing about another scraper."""
    sent = [("ScraperNotResponding", "a"), *((name, instance) for name in OTHERS for instance in "ab")]
    twins = {(warning, "b", critical) for critical, warnings in TWINS.items() for warning in warnings}

    found = inhibitions(alertmanager, *sent)

    assert {(name, instance) for name, instance, _ in found if instance == "a"} == {(name, "a") for name in OTHERS}
    assert {each for each in found if each[1] == "b"} == twins


def test_two_scrapers_that_do_not_respond_are_both_told_of(alertmanager: AlertmanagerServer) -> None:
    assert not inhibitions(alertmanager, ("ScraperNotResponding", "a"), ("ScraperNotResponding", "b"))


@pytest.mark.parametrize("critical", sorted(TWINS))
def test_a_critical_alert_silences_its_twins_and_nothing_else(alertmanager: AlertmanagerServer, critical: str) -> None:
    quiet_ones = [name for name in OTHERS if name not in TWINS or name == critical]
    expected = {(warning, "a", critical) for warning in TWINS[critical]}
    warnings_elsewhere = [(warning, "b") for warning in TWINS[critical]]

    assert inhibitions(alertmanager, *((name, "a") for name in quiet_ones), *warnings_elsewhere) == expected


def test_alerts_that_are_of_their_own_silence_nothing(alertmanager: AlertmanagerServer) -> None:
    assert not inhibitions(alertmanager, *((name, "a") for name in sorted(ALONE)))


def test_a_disabled_alert_silences_nothing(tmp_path: Path) -> None:
    config = AlertConfig(disabled=("ScraperNotResponding", "NoHealthyProxies"))
    export_prometheus_config(tmp_path, config)
    rules = yaml.safe_load((tmp_path / "alertmanager/alertmanager.yml").read_text("utf-8"))["inhibit_rules"]
    sources = {matcher for rule in rules for matcher in rule["source_matchers"]}
    assert sources == {'alertname="HighScrapingFailureRate"', 'alertname="DatabaseConnectionFailures"'}
