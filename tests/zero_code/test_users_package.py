"""The same for a scraper in a package, shaped like a user's, run by `python -m`: its classes are named by variables."""

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
from tests.zero_code.numbers import CONTRACT, kinds, value
from tests.zero_code.programs import LAUNCHERS, SCRAPERS, Ended, eventually, free_port, started
from tests.zero_code.world import world_running

FAULTS: Final = SiteFaults(limit_every=7, retry_after=0, session_pages=11)
ZIPCODES: Final = ("85001", "85033", "85001")
VARIABLES: Final = {
    "PHOENIX_OTEL_SCRAPER": "users_package.scraper:PhoenixMLSScraper",
    "PHOENIX_OTEL_PROXY_MANAGER": "users_package.proxies:ProxyManager",
    "PHOENIX_OTEL_RATE_LIMITER": "users_package.limits:RateLimiter",
    "PHOENIX_OTEL_COLLECTION_STATS": "zero_code.properties",
    "PHOENIX_OTEL_COLLECTION_STATS_INTERVAL": "0.2",
    "PHOENIX_OTEL_COLLECTION_INTERVAL": "0.5",
    "PHOENIX_OTEL_RAISE_INTERNAL_ERRORS": "true",
}


@dataclass(frozen=True)
class Seen:
    """One run, what was seen of it while it lasted, and what must have been seen."""

    truth: Truth
    report: dict[str, Any]
    metrics: str
    ended: Ended


def scrape(launcher: str, directory: Path) -> Seen:
    """Scrape everything, with every fault that there is, and wait until the collection has been looked at."""
    (directory / "mongo").mkdir()
    shutil.copytree(SCRAPERS / "users_package", directory / "users_package")
    with running_mongo(directory / "mongo") as mongo, world_running(FAULTS) as world:
        variables = {
            "PROXIES": world.proxy_urls,
            "MONGO_URIS": f"mongodb://127.0.0.1:{free_port()}/ {mongo.uri}",
            "PHOENIX_OTEL_COLLECTION_STATS_URI": mongo.uri,
        }
        command = [*LAUNCHERS[launcher], sys.executable, "-m", "users_package", world.site.url, *ZIPCODES]
        with started(command, directory, VARIABLES | variables) as scraper:
            report = scraper.report()
            stored = report["read"]
            eventually(lambda: value(scraper.page().text, "database_collection_document_count") == stored)
            metrics = scraper.page().text
            truth = world.truth(report, mongo, "properties")
            return Seen(truth, report, metrics, scraper.end())


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
    shown = kinds(seen.metrics)

    assert len(CONTRACT) == 35
    assert {name: shown.get(name) for name in CONTRACT} == CONTRACT


def test_gauges_are_the_state_of_things(seen: Seen) -> None:
    metrics = seen.metrics
    stored = seen.report["read"]
    assert value(metrics, "proxy_total_count") == 3
    assert value(metrics, "proxy_cooldown_active") == seen.report["resting"] >= 1
    assert value(metrics, "proxy_healthy_count") == 3 - seen.report["resting"]
    assert value(metrics, "database_connections_active") >= 1
    assert value(metrics, "database_collection_document_count", collection="properties") == stored
    assert value(metrics, "database_collection_size_bytes", collection="properties") > stored
    assert value(metrics, "scraper_session_valid") == 1


def test_what_the_scraper_counts_itself_is_the_same(seen: Seen) -> None:
    stats = seen.report["stats"]
    assert value(seen.metrics, "scraper_retries_total") == stats["retries"] > 0
    assert value(seen.metrics, "scraper_properties_scraped_total") == stats["properties_scraped"] > 0
    assert value(seen.metrics, "rate_limit_hits_total", limit_type="server") == stats["rate_limited"] > 0


def test_the_scraper_ends_as_ever_and_nobody_complains(seen: Seen) -> None:
    assert (seen.ended.code, seen.ended.err) == (0, "")
    assert len(seen.ended.out.splitlines()) == 1
