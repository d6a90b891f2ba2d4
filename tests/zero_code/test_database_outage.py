"""The database is killed while a scraper works: the run goes on, errors count, connections return to the truth."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from phoenix_otel import environment_variables as env
from tests.stack.mongo import MongoServer
from tests.zero_code.numbers import connections, value
from tests.zero_code.programs import LAUNCHERS, SCRAPERS, eventually, started
from tests.zero_code.world import world_running

ERROR_TYPES = {"connection_lost", "connect_failed", "server_unreachable"}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_killed_database(launcher: str, tmp_path: Path, mongo: MongoServer) -> None:
    shutil.copy(SCRAPERS / "steady_scraper.py", tmp_path)
    with world_running() as world:
        command = [*LAUNCHERS[launcher], sys.executable, "steady_scraper.py", world.site.url, mongo.uri]
        with started(command, tmp_path, {env.PHOENIX_OTEL_RAISE_INTERNAL_ERRORS: "true"}) as scraper:

            def now(name: str, **labels: str) -> float:
                return value(scraper.page().text, name, **labels)

            def stored() -> float:
                return now("database_queries_total", operation="insert", collection="pages", status="success")

            eventually(lambda: scraper.answers and stored() >= 20)
            assert now("database_connection_errors_total") == -1
            eventually(lambda: now("database_connections_active") == connections(scraper.pid, mongo.port) > 0)

            mongo.kill()
            eventually(lambda: now("database_connection_errors_total") > 0 and now("database_connections_active") == 0)
            stored_before, fetched_before = stored(), len(world.site.journal)
            eventually(lambda: len(world.site.journal) > fetched_before + 3)
            assert scraper.running
            assert stored() == stored_before

            mongo.start()
            eventually(lambda: stored() >= stored_before + 20)
            eventually(lambda: now("database_connections_active") == connections(scraper.pid, mongo.port) > 0)

            ended = scraper.end()
    done = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert done["fetched"] == len(world.site.journal) == done["stored"] + done["lost"]
    assert done["lost"] >= 1
