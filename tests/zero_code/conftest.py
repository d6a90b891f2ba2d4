"""Fixtures for zero code: one run with traces and planted secrets, which several tests look at."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from phoenix_otel import environment_variables as env
from phoenix_otel.demo.site import SiteFaults
from tests.stack.mongo import mongo as mongo
from tests.stack.mongo import running_mongo
from tests.zero_code.plain import FILE
from tests.zero_code.programs import RUN, SCRAPERS, Ended, eventually, free_port, started
from tests.zero_code.receiver import Receiver, receiving
from tests.zero_code.world import PASSWORD, World, world_running

SECRETS = {
    "proxy password": PASSWORD,
    "query token": "planted-query-token",
    "document value": "planted-document-value",
    "password of the database": "planted-uri-password",
    "password of a database that does not answer": "planted-second-password",
}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@dataclass
class Traced:
    """One run with OTEL_TRACES_EXPORTER=otlp, with everything that left it."""

    world: World
    receiver: Receiver
    pages: dict[str, str]
    ended: Ended


@pytest.fixture(scope="session")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """Scrape with every fault, a proxy and a database that are not there, and secrets everywhere."""
    directory = tmp_path_factory.mktemp("scraper")
    shutil.copy(SCRAPERS / "plain_scraper.py", directory)
    (directory / "phoenix-otel.toml").write_text(FILE, "utf-8")
    faults = SiteFaults(limit_every=7, retry_after=0, session_pages=11)
    with (
        running_mongo(tmp_path_factory.mktemp("mongo")) as mongo,
        world_running(faults) as world,
        receiving() as receiver,
    ):
        nobody = f"127.0.0.1:{free_port()}"
        variables = {
            "PROXIES": f"{world.proxy_urls} http://nobody:{PASSWORD}@{nobody}",
            "MONGO_URIS": f"mongodb://scraper:planted-second-password@{nobody}/ "
            f"mongodb://scraper:planted-uri-password@{mongo.name}/?authMechanism=PLAIN",
            "SITE_TOKEN": SECRETS["query token"],
            "AGENT": SECRETS["document value"],
            "LOG_LEVEL": "INFO",
            env.OTEL_TRACES_EXPORTER: "otlp",
            env.OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
            env.OTEL_SERVICE_NAME: "traced_scraper",
        }
        command = [*RUN, sys.executable, "plain_scraper.py", world.site.url, "85001", "85004", "85001"]
        with started(command, directory, variables) as scraper:
            scraper.report()
            pages = {path: scraper.page(path).text for path in ("/metrics", "/", "/stats", "/health")}
            pages["openmetrics"] = scraper.page(Accept=OPENMETRICS).text
            ended = scraper.end()
        eventually(lambda: bool(receiver.spans))
        yield Traced(world, receiver, pages, ended)
