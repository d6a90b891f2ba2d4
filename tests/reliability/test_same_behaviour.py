"""The same scraper with telemetry and without, under every fault: nobody can tell the difference from its work."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from phoenix_otel.demo.site import SiteFaults
from tests.reliability.outages import BEHAVIOURS, misbehaving
from tests.stack.mongo import ferretdb_binary, running_mongo
from tests.zero_code.plain import FILE
from tests.zero_code.programs import RUN, SCRAPERS, free_port, started
from tests.zero_code.world import world_running

FAULTS = SiteFaults(limit_every=7, retry_after=0, session_pages=11)
ZIPCODES = ("85001", "85004", "85016", "85001")


def work(directory: Path, launcher: tuple[str, ...], variables: dict[str, str]) -> dict[str, Any]:
    """Scrape everything, and return all that can be seen of it from outside."""
    for name in ("scraper", "mongo"):
        (directory / name).mkdir(parents=True)
    shutil.copy(SCRAPERS / "plain_scraper.py", directory / "scraper")
    (directory / "scraper" / "phoenix-otel.toml").write_text(FILE, "utf-8")
    with running_mongo(directory / "mongo") as mongo, world_running(FAULTS) as world:
        nobody = f"mongodb://127.0.0.1:{free_port()}/"
        given = {"PROXIES": world.proxy_urls, "MONGO_URIS": f"{nobody} {mongo.uri}", **variables}
        command = [*launcher, sys.executable, "plain_scraper.py", world.site.url, *ZIPCODES]
        with started(command, directory / "scraper", given) as scraper:
            report = scraper.report()
            ended = scraper.end()
        return {
            "code": ended.code,
            "failed": report["failed"],
            "read": report["read"],
            # which of several concurrent requests comes first is another one in each run
            "pages": Counter(f"{entry.endpoint} {entry.status}" for entry in world.site.journal),
            "tried": sum(len(proxy.journal) for proxy in world.proxies),
        }


@pytest.mark.parametrize("collector", ["silent", "resets"])
def test_pages_failures_and_exit_code_are_the_same(collector: str, tmp_path: Path) -> None:
    ferretdb_binary()
    with misbehaving(BEHAVIOURS[collector]) as port:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.3"}
        with_telemetry = work(tmp_path / "with", RUN, {**endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "100"})
    without = work(tmp_path / "without", (), {})
    assert without["pages"].total() > 0
    assert with_telemetry == without
    print(f"collector {collector}: {without['pages'].total()} pages, the same with telemetry and without")  # noqa: T201
