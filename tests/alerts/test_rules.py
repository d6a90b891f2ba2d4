"""promtool over the generated rules: they are well-formed, and every alert has its hand-written cases, which hold."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack.process import ROOT, binary

RULES = ROOT / "collector-config/prometheus/alerts.yml"
CASES = sorted(Path(__file__).parent.glob("*.yml"))
CRITICAL = {
    "HighScrapingFailureRate",
    "NoHealthyProxies",
    "HighMemoryUsage",
    "DatabaseConnectionFailures",
    "ScraperNotResponding",
}
WARNING = {
    "ScrapingSuccessRateLow",
    "LowHealthyProxyCount",
    "HighProxyFailureRate",
    "HighRateLimitHits",
    "SlowResponseTime",
    "SlowDatabaseQueries",
}
INFO = {"SessionExpired", "SessionAgeTooOld", "NoPropertiesScraped"}
WITH_FLOOR = {
    "HighScrapingFailureRate",
    "ScrapingSuccessRateLow",
    "HighProxyFailureRate",
    "SlowResponseTime",
    "SlowDatabaseQueries",
}
KINDS = ("fires", "quiet", "recovered", "below the floor")


def promtool(*arguments: str | Path) -> str:
    """Run promtool; what it says, or a failure with that."""
    run = subprocess.run(
        [binary("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=80, check=False
    )
    if run.returncode:
        pytest.fail(run.stdout + run.stderr)
    return run.stdout + run.stderr


def cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the alert, the kind and the content of each case."""
    for path in CASES:
        for case in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            alert, _, what = case["name"].partition(": ")
            kind = next((kind for kind in KINDS if what.startswith(kind)), what)
            yield alert, kind, case


def test_rules_are_well_formed() -> None:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    number = sum(len(group["rules"]) for group in groups)
    assert f"SUCCESS: {number} rules found" in promtool("check", "rules", RULES)


def test_prometheus_configuration_is_well_formed() -> None:
    said = promtool("check", "config", RULES.with_name("prometheus.yml"))
    assert "SUCCESS: 1 rule files found" in said


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases_hold(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", path)


def test_alerts_have_their_names_and_severities() -> None:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    severities = {
        rule["alert"]: rule["labels"]["severity"] for group in groups for rule in group["rules"] if "alert" in rule
    }
    expected = {"critical": CRITICAL, "warning": WARNING, "info": INFO}
    assert severities == {alert: severity for severity, alerts in expected.items() for alert in alerts}


def test_every_alert_has_each_kind_of_case() -> None:
    counted = Counter((alert, kind) for alert, kind, _ in cases())
    for alert in sorted(CRITICAL | WARNING | INFO):
        numbers = {kind: counted.pop((alert, kind), 0) for kind in KINDS}
        print(f"{alert}: {', '.join(f'{number} {kind}' for kind, number in numbers.items() if number)}")  # noqa: T201
        assert all(number or kind == KINDS[-1] for kind, number in numbers.items()), (alert, numbers)
        assert bool(numbers["below the floor"]) == (alert in WITH_FLOOR), alert
    assert not counted, "a case of no alert, or of no kind"


def test_cases_are_about_the_alert_that_they_name() -> None:
    """`fires` and `recovered` expect the alert at some time, `recovered` ends without it, the others never have it."""
    for alert, kind, case in cases():
        looks = sorted(case["alert_rule_test"], key=lambda look: _seconds(look["eval_time"]))
        firing = [bool(look.get("exp_alerts")) for look in looks]
        assert {look["alertname"] for look in looks} == {alert}, case["name"]
        assert any(firing) == (kind in {"fires", "recovered"} or ", fires " in case["name"]), case["name"]
        assert kind != "recovered" or not firing[-1], case["name"]


def _seconds(duration: str) -> int:
    minutes, _, seconds = duration.removesuffix("s").partition("m")
    return int(minutes) * 60 + int(seconds or 0)
