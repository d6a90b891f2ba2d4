"""Every alert says what it is about, and leads to a runbook that says what to do."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.stack.process import ROOT

RULES = yaml.safe_load((ROOT / "collector-config/prometheus/alerts.yml").read_text("utf-8"))
ALERTS = {rule["alert"]: rule["annotations"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
PAGE = (ROOT / "docs/runbooks.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))


def test_there_is_a_runbook_for_each_alert_and_no_other() -> None:
    assert set(SECTIONS) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_the_alert_leads_to_its_runbook(alert: str) -> None:
    assert ALERTS[alert]["runbook_url"] == f"docs/runbooks.md#{alert.lower()}"


@pytest.mark.parametrize("alert", ALERTS)
def test_the_alert_names_its_scraper_and_a_value_for_people(alert: str) -> None:
    assert "$labels.instance" in ALERTS[alert]["summary"]
    assert re.search(r"\{\{ \$value \| humanize\w* \}\}", ALERTS[alert]["description"])


@pytest.mark.parametrize("alert", ALERTS)
def test_the_runbook_says_what_it_means_how_to_check_and_what_to_do(alert: str) -> None:
    parts = re.findall(r"^\*\*(.+?)\*\*", SECTIONS[alert], flags=re.MULTILINE)
    assert parts == ["What it means.", "How to check.", "What to do."]
    assert "```promql" in SECTIONS[alert]


def test_links_between_runbooks_lead_somewhere() -> None:
    anchors = {title.lower() for title in SECTIONS}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors
