"""Every query of alerts, panels and runbooks, asked of a Prometheus that has watched a demo run with every fault."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from phoenix_otel.generate.alerts import ALERTS
from phoenix_otel.generate.recording_rules import RECORDING_RULES, RecordingRule
from tests.generate.panel_queries import PanelQuery, panel_queries
from tests.monitoring.eventful_run import EventfulRun, eventful_run
from tests.monitoring.pager import in_seconds
from tests.stack.process import ROOT

JOB: Final = "phoenix_scraper"
WINDOW: Final = "6s"
CHROMIUM: Final = shutil.which("chromium")
EMPTY: Final = {
    "db_client_connection_timeouts_total": "no pool of connections was ever exhausted",
    'http_client_request_time_to_body_seconds_count{job=~"phoenix_scraper",instance=~".*",error_type!=""}': (
        "the demo's site and proxies end every answer that they begin"
    ),
}
"""What shows nothing in this run, and why that is right."""

PANELS: Final = [
    query
    for path in sorted((ROOT / "collector-config/grafana/dashboards").glob("*.json"))
    for query in panel_queries(json.loads(path.read_text("utf-8")), job=JOB, rate_interval="5m", time_range="10m")
]
RUNBOOKS: Final = re.findall(r"```promql\n(.*?)```", (ROOT / "docs/runbooks.md").read_text("utf-8"), re.DOTALL)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no browser; run: tests/stack/install chromium"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventfulRun]:
    """One run for all queries; Prometheus goes on."""
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("eventful")
        yield asyncio.run(eventful_run(directory, str(CHROMIUM), stack))


def answers(run: EventfulRun, expression: str) -> list[float]:
    """Return what a query gives for the moment when all was well, numbers alone."""
    ours = expression.replace("rate5m", f"rate{WINDOW}")
    return [value for _, value in run.prometheus.query(ours, run.well_at) if not math.isnan(value)]


def test_every_alert_has_fired(run: EventfulRun) -> None:
    assert run.fired == set(ALERTS)


@pytest.mark.parametrize("rule", RECORDING_RULES, ids=lambda rule: rule.name)
def test_recording_rules_record(run: EventfulRun, rule: RecordingRule) -> None:
    assert answers(run, rule.record(in_seconds().query))


@pytest.mark.parametrize("query", PANELS, ids=lambda query: f"{query.dashboard}: {query.panel}")
def test_panels_show_something(run: EventfulRun, query: PanelQuery) -> None:
    expected_empty = any(part in query.expr for part in EMPTY)
    assert bool(answers(run, query.expr)) is not expected_empty, query.expr


@pytest.mark.parametrize("expression", RUNBOOKS)
def test_queries_of_runbooks_answer(run: EventfulRun, expression: str) -> None:
    assert answers(run, expression), expression
