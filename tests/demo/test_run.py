"""The whole demo: what /metrics says is what the site and the proxies counted, label by label."""

from __future__ import annotations

import asyncio
import base64
import gc
import signal
from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from phoenix_otel.catalog import DOMAINS
from phoenix_otel.demo.comparison import differences
from phoenix_otel.demo.ground_truth import Truth
from phoenix_otel.demo.journal import NO_ANSWER
from phoenix_otel.demo.run import DemoOptions, World, run_demo
from tests.monitoring.running_demo import running_demo

from .conftest import PASSWORDS, SCREENS, Run

# The contract's metrics are named after their domain; what is watched inside libraries is not of the demo.
FED = {
    metric.prometheus_name: metric.kind
    for domain in ("scraper", "proxy", "rate_limit", "database", "system")
    for metric in DOMAINS[domain]
    if metric.prometheus_name.startswith(f"{domain}_")
}
FAULTS: dict[str, Callable[[Run], float]] = {
    "429": lambda run: run.site["search", 429] + run.site["property_details", 429],
    "403": lambda run: run.site["search", 403] + run.site["property_details", 403],
    "proxy closes": lambda run: run.proxies["proxy-2"][NO_ANSWER],
    "proxy 502": lambda run: run.proxies["proxy-5"][502],
    "session loss": lambda run: run.site["search", 302] + run.site["property_details", 401],
    "health check": lambda run: run.health_checks.total() - run.health_checks[200],
    "retry": lambda run: total(run.report.truth, "scraper_retries_total"),
    "failed call": lambda run: total(run.report.truth, "scraper_errors_total"),
    "throttle": lambda run: total(run.report.truth, "rate_limit_hits_total", limit_type="throttle"),
    "database": lambda run: total(run.report.truth, "database_connection_errors_total"),
}


def total(truth: Truth, metric: str, **labels: str) -> float:
    return sum(series["value"] for series in truth[metric] if labels.items() <= series["labels"].items())


def test_with_faults_every_count_is_the_truth(faulty: Run) -> None:
    assert differences(faulty.report.truth, faulty.report.metrics) == []


def test_without_faults_every_count_is_the_truth(faultless: Run) -> None:
    assert differences(faultless.report.truth, faultless.report.metrics) == []


def test_the_truth_speaks_of_every_counter_and_histogram_that_the_demo_can_know(faulty: Run) -> None:
    counted = {
        name + ("_count" if kind == "histogram" else "")
        for name, kind in FED.items()
        if kind in {"counter", "histogram"} and not name.startswith("system_")
    }
    assert set(faulty.report.truth) == counted | {"scraper_content_size_bytes_sum"}
    assert [name for name, series in faulty.report.truth.items() if not series] == []


@pytest.mark.parametrize("kind", FAULTS)
def test_the_run_had_every_kind_of_fault(faulty: Run, kind: str) -> None:
    assert FAULTS[kind](faulty) > 0


def test_every_metric_that_the_demo_feeds_is_there_and_of_its_type(faulty: Run) -> None:
    families = text_string_to_metric_families(faulty.report.metrics)
    shown = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in families
        if family.samples
    }
    assert len(FED) == 35
    assert {name: shown.get(name) for name in FED} == FED


@pytest.mark.parametrize(
    "metric", ["scraper_errors_total", "scraper_retries_total", "proxy_health_check_failures_total"]
)
def test_without_faults_nothing_fails(faultless: Run, metric: str) -> None:
    assert total(faultless.report.truth, metric) == 0
    assert total(faultless.report.truth, "scraper_requests_total", status="failed") == 0
    assert total(faultless.report.truth, "proxy_requests_total", status="failed") == 0
    assert total(faultless.report.truth, "scraper_requests_total", status="success") > 0


def test_session_loss_and_gauges_are_shown(faulty: Run) -> None:
    gauges = {
        sample.name: sample.value
        for family in text_string_to_metric_families(faulty.report.metrics)
        for sample in family.samples
        if family.type == "gauge"
    }
    assert gauges["proxy_total_count"] == 5
    assert gauges["proxy_healthy_count"] + gauges["proxy_cooldown_active"] == 5
    assert gauges["database_collection_document_count"] > 0


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_password_is_shown_anywhere(faulty: Run, password: str) -> None:
    name = f"scraper-proxy-{PASSWORDS.index(password) + 1}"
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    places = faulty.pages | {"logs": faulty.logs, "json": faulty.json, "lines": faulty.lines}
    places |= {f"screen {size}": text for size, text in faulty.screens.items()}
    for place, text in places.items():
        assert text, place
        assert password not in text, place
        assert encoded not in text, place


def test_the_passwords_were_in_use(faulty: Run) -> None:
    assert {name: outcomes[407] for name, outcomes in faulty.proxies.items() if outcomes[200] == 0} == {}
    assert "ListingGoneError" in faulty.logs


def test_a_mongodb_that_does_not_answer_is_said_plainly(faulty: Run) -> None:
    assert faulty.report.storage == "in memory (MongoDB did not answer: ServerSelectionTimeoutError)"
    assert faulty.report.storage in faulty.lines


def test_plain_lines_tell_where_to_look_and_how_it_goes(faulty: Run) -> None:
    first, *others = faulty.lines.splitlines()
    assert first.startswith(f"metrics at {faulty.report.url}/")
    assert len(others) >= 3
    assert all("requests" in line and "proxies" in line for line in others)


@pytest.mark.parametrize("size", SCREENS)
def test_the_live_view_fits_and_shows_the_five_domains(faulty: Run, size: tuple[int, int]) -> None:
    text = faulty.screens[size]
    lines = text.splitlines()
    assert len(lines) == size[1]
    assert {len(line) for line in lines} == {size[0]}
    assert faulty.report.url in text
    assert [title for title in ("scraper", "proxies", "rate limits", "database", "host") if title not in text] == []
    assert f"{total(faulty.report.truth, 'proxy_rotations_total'):.0f}" in text


async def test_an_interrupt_ends_the_run_cleanly() -> None:
    async def interrupt(_world: World) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    report = await run_demo(DemoOptions(duration=0, port=0, faults=False), interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    assert differences(report.truth, report.metrics) == []
    assert total(report.truth, "scraper_requests_total") > 0


@pytest.fixture
def _no_remains() -> Iterator[None]:
    """Free what a cancelled run leaves to the garbage collector: pools are counted for as long as they live."""
    yield
    gc.collect()


@pytest.mark.usefixtures("_no_remains")
async def test_the_demo_goes_on_while_no_proxy_answers_and_after() -> None:
    async with running_demo(port=0) as world:
        for proxy in world.proxies:
            proxy.down = True
        await until(lambda: not world.manager.available_ids())
        for proxy in world.proxies:
            proxy.down = False
        await until(lambda: len(world.manager.available_ids()) == len(world.proxies))
        stored = world.store.documents["update"]
        await until(lambda: world.store.documents["update"] > stored)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the running demo brings about."""
    while not condition():  # noqa: ASYNC110 - the demo has no event for it
        await asyncio.sleep(0.02)
