"""The docs: generated files are up to date, links lead somewhere, and every sample runs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from phoenix_otel.cli import main
from phoenix_otel.testing import recorded_metrics
from tests.integration.users_classes import PhoenixMLSScraper, ProxyManager, proxies

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SAMPLES = [
    pytest.param(page, match[1], id=f"{page.stem}-{number}")
    for page in PAGES
    for number, match in enumerate(re.finditer(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
]


@pytest.mark.parametrize(("target", "folder"), [("docs", "docs"), ("all", "collector-config")])
def test_generated_files_are_those_of_the_catalog(target: str, folder: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["generate", target, "--out", str(tmp_path)])

    assert result.exit_code == 0, result.output
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for path in written:
        committed = ROOT / folder / path
        assert committed.read_text("utf-8") == (tmp_path / path).read_text("utf-8"), f"{committed}: run make generate"


def test_all_configuration_is_generated(tmp_path: Path) -> None:
    CliRunner().invoke(main, ["generate", "all", "--out", str(tmp_path)])

    folder = ROOT / "collector-config"
    committed = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert committed == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


async def scrape_data() -> list[str]:
    return ["a listing"]


def say_nothing(*_: object) -> None:
    """Take the place of print."""


@pytest.mark.parametrize(("page", "sample"), SAMPLES)
def test_samples_run(page: Path, sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a sample as it stands, `await` at its top included, with the names that its page takes for granted."""
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
    source = inspect.cleandoc(sample).replace("port=9090", "port=0")
    names: dict[str, Any] = {
        "PhoenixMLSScraper": PhoenixMLSScraper,
        "ProxyManager": ProxyManager,
        "config": {},
        "proxy_config": {},
        "scrape_data": scrape_data,
        "print": say_nothing,
        "__name__": "sample",
    }
    run = eval(compile(source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307 - ours
    if inspect.iscoroutine(run):
        asyncio.run(run)


def test_the_old_samples_count_what_they_did() -> None:
    """Run the samples of the migration page one after another, and look at what they have recorded."""
    samples = [str(parameter.values[1]) for parameter in SAMPLES if "migration" in str(parameter.id)]
    names: dict[str, Any] = {
        "PhoenixMLSScraper": PhoenixMLSScraper,
        "ProxyManager": ProxyManager,
        "proxy_config": {},
        "scrape_data": scrape_data,
        "print": say_nothing,
    }
    with recorded_metrics() as recorded:

        async def run_all() -> None:
            for sample in (sample for sample in samples if "start_metrics_server" not in sample):
                result = eval(compile(sample, "sample", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307
                if inspect.iscoroutine(result):
                    await result
            assert await names["scraper"].search_properties_by_zipcode("85001")
            names["manager"] = manager = names["MonitoredProxyManager"](proxies(2))
            await manager.mark_success(await manager.get_next_proxy())

        asyncio.run(run_all())
        assert len(samples) == 7
        assert recorded.value("scraper_requests_total", endpoint="search", status="success", method="GET") == 3
        assert recorded.value("scraper_properties_scraped_total", zipcode="85001", status="success") == 1
        assert recorded.value("rate_limit_hits_total", endpoint="api", limit_type="throttle") == 1
        assert recorded.value("proxy_total_count") == 7
        assert recorded.value("proxy_healthy_count") == 5
        assert recorded.value("proxy_requests_total", status="success") == 1
        assert names["config"].port == 9090
