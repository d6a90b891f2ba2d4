"""The demo's storage in a real server that speaks MongoDB's protocol."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phoenix_otel.demo.comparison import differences
from phoenix_otel.demo.run import DemoOptions, run_demo
from phoenix_otel.demo.scraper import Property
from phoenix_otel.demo.storage import StorageError

from .test_scraper_parts import LISTING

_STACK = Path(__file__).parents[2] / ".stack" / "bin"


@pytest.fixture(scope="module")
def binary() -> str:
    found = shutil.which("ferretdb") or shutil.which("ferretdb", path=_STACK)
    if found is None:
        missing = pytest.fail if os.environ.get("PHOENIX_OTEL_REQUIRE_STACK") else pytest.skip
        missing("no ferretdb: (cd tests/stack/ferretdb && go build -o ../../../.stack/bin/ferretdb .)")
    return str(found)


@contextmanager
def serving(binary: str, directory: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with subprocess.Popen(
        [binary, "-listen", address, "-dir", str(directory)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield f"mongodb://{address}/", process
        finally:
            process.terminate()


@pytest.fixture
def server(binary: str, tmp_path: Path) -> Iterator[str]:
    with serving(binary, tmp_path) as (uri, _):
        yield uri


async def test_a_listing_is_stored_once_whatever_the_sites_port(server: str) -> None:
    from phoenix_otel.demo.mongo import MongoCollection

    collection = await MongoCollection.connect(server)
    assert await collection.upsert([LISTING]) == 1
    moved: Property = {**LISTING, "url": "http://site:81/property/1"}
    assert await collection.upsert([moved]) == 1
    assert (await collection.count("85001"), (await collection.size())[1]) == (1, 1)
    assert collection.connections > 0
    await collection.close()
    assert collection.connections == 0


async def test_a_run_that_stores_there_counts_the_truth(server: str) -> None:
    report = await run_demo(DemoOptions(duration=1, port=0, mongo_uri=server))
    assert report.storage.startswith("in MongoDB at 127.0.0.1:")
    assert report.truth["database_documents_total"]
    assert differences(report.truth, report.metrics) == []


async def test_a_server_that_goes_away_is_a_storage_error(binary: str, tmp_path: Path) -> None:
    from phoenix_otel.demo.mongo import MongoCollection

    with serving(binary, tmp_path) as (uri, process):
        collection = await MongoCollection.connect(uri)
        process.terminate()
        process.wait()
        with pytest.raises(StorageError):
            await collection.upsert([LISTING])
        await collection.close()
