"""A scraper in one file that has never heard of us, started by both commands: every count is what the servers saw."""

from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from phoenix_otel.demo.comparison import differences
from phoenix_otel.demo.ground_truth import Truth
from phoenix_otel.demo.site import SiteFaults
from tests.stack.mongo import ferretdb_binary, running_mongo
from tests.zero_code.numbers import COLLECTION_METRICS, CONTRACT, connections, kinds, value
from tests.zero_code.plain import FILE
from tests.zero_code.programs import LAUNCHERS, SCRAPERS, Ended, free_port, started
from tests.zero_code.world import world_running

FAULTS: Final = SiteFaults(limit_every=7, retry_after=0, session_pages=11)
ZIPCODES: Final = ("85001", "85004", "85016", "85001")


@dataclass(frozen=True)
class Seen:
    """One run, what was seen of it while it lasted, and what must have been seen."""

    truth: Truth
    report: dict[str, Any]
    metrics: str
    connections: int
    ended: Ended


def scrape(launcher: str, directory: Path) -> Seen:
    """Scrape everything, with every fault that there is."""
    for name in ("scraper", "mongo"):
        (directory / name).mkdir()
    shutil.copy(SCRAPERS / "plain_scraper.py", directory / "scraper")
    (directory / "scraper" / "phoenix-otel.toml").write_text(FILE, "utf-8")
    with running_mongo(directory / "mongo") as mongo, world_running(FAULTS) as world:
        nobody = f"mongodb://scraper:planted-uri-password@127.0.0.1:{free_port()}/"
        variables = {
            "PROXIES": world.proxy_urls,
            "MONGO_URIS": f"{nobody} {mongo.uri}",
            "PHOENIX_OTEL_RAISE_INTERNAL_ERRORS": "true",
        }
        command = [*LAUNCHERS[launcher], sys.executable, "plain_scraper.py", world.site.url, *ZIPCODES]
        with started(command, directory / "scraper", variables) as scraper:
            report = scraper.report()
            metrics = scraper.page().text
            open_now = connections(scraper.pid, mongo.port)
            return Seen(world.truth(report, mongo, "listings"), report, metrics, open_now, scraper.end())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """Scrape once by each command, both at a time."""
    ferretdb_binary()
    directories = [tmp_path_factory.mktemp("run") for _ in LAUNCHERS]
    with ThreadPoolExecutor() as pool:
        return dict(zip(LAUNCHERS, pool.map(scrape, LAUNCHERS, directories), strict=True))


@pytest.fixture(params=LAUNCHERS)
def seen(request: pytest.FixtureRequest, runs: dict[str, Seen]) -> Seen:
    """Look at one of them."""
    return runs[request.param]


def test_every_count_is_what_site_proxies_and_database_saw(seen: Seen) -> None:
    assert [name for name, series in seen.truth.items() if not series] == []
    assert differences(seen.truth, seen.metrics) == []


def test_every_metric_of_the_contract_is_there_and_of_its_type(seen: Seen) -> None:
    expected = {name: kind for name, kind in CONTRACT.items() if name not in COLLECTION_METRICS}

    shown = kinds(seen.metrics)

    assert len(expected) == 33
    assert {name: shown.get(name) for name in expected} == expected
    assert not shown.keys() & COLLECTION_METRICS


def test_gauges_are_the_state_of_things(seen: Seen) -> None:
    metrics = seen.metrics
    assert value(metrics, "proxy_total_count") == 3
    assert value(metrics, "proxy_cooldown_active") == seen.report["resting"] >= 1
    assert value(metrics, "proxy_healthy_count") == 3 - seen.report["resting"]
    assert value(metrics, "database_connections_active") == seen.connections >= 1
    assert value(metrics, "scraper_session_valid") == 1
    assert value(metrics, "scraper_session_age_seconds") > 0
    assert 0 <= value(metrics, "rate_limit_current_rate", endpoint="listing-site") <= 6
    assert 0 <= value(metrics, "rate_limit_limit_remaining", endpoint="listing-site") <= 6


def test_the_scraper_ends_as_ever_and_nobody_complains(seen: Seen) -> None:
    assert (seen.ended.code, seen.ended.err) == (0, "")
    assert len(seen.ended.out.splitlines()) == 1
    assert seen.report["failed"] == value(seen.metrics, "scraper_errors_total", endpoint="property_details") >= 2
