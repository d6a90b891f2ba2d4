"""What opentelemetry-instrument loads: every entry point; and the class instrumentors on, off and on again."""

from __future__ import annotations

import importlib
import logging
import runpy
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.sdk._configuration import _BaseConfigurator

from phoenix_otel.class_targets import ClassTarget, MethodMapping
from phoenix_otel.instrumentation import Hooks
from phoenix_otel.instrumentation.classes import (
    ProxyManagerInstrumentor,
    RateLimiterInstrumentor,
    ScraperInstrumentor,
)
from phoenix_otel.testing import RecordedMetrics

GROUPS = {
    "opentelemetry_distro": BaseDistro,
    "opentelemetry_configurator": _BaseConfigurator,
    "opentelemetry_instrumentor": BaseInstrumentor,
}
OURS = [
    pytest.param(group, found, id=f"{group}-{found.name}")
    for group in GROUPS
    for found in entry_points(group=group)
    if found.value.startswith("phoenix_otel.")
]
NAMES = {
    "phoenix_aiohttp_client",
    "phoenix_proxy_manager",
    "phoenix_pymongo",
    "phoenix_rate_limiter",
    "phoenix_scraper",
}
SHOP = """\
class Scraper:
    def search_properties_by_zipcode(self, zipcode):
        return [zipcode]

class Pool:
    proxies = ["127.0.0.1:1"]

    def get_next_proxy(self):
        return self.proxies[0]

class Limiter:
    def wait_if_needed(self, source):
        return 0.5

class Outer:
    class Inner(Scraper):
        pass
"""


@pytest.mark.parametrize(("group", "found"), OURS)
def test_every_entry_point_loads_what_its_group_is_for(group: str, found: EntryPoint) -> None:
    assert issubclass(found.load(), GROUPS[group])


def test_the_names_are_those_that_the_docs_tell() -> None:
    for group in ("opentelemetry_distro", "opentelemetry_configurator"):
        assert "phoenix" in {found.name for found in entry_points(group=group)}
    assert {found.name for found in entry_points(group="opentelemetry_instrumentor")} >= NAMES


def test_no_extra_gates_the_instrumentors() -> None:
    """An extra called `instruments` would have all of them skipped where one library is missing."""
    ours = next(iter(entry_points(group="opentelemetry_distro", name="phoenix"))).dist
    assert ours is not None
    assert "instruments" not in (ours.metadata.get_all("Provides-Extra") or [])


@dataclass(frozen=True)
class Kind:
    """An instrumentor, the class it is for, a call of it, and the metric that this call adds 1 to."""

    instrumentor: type[Any]
    name: str
    method: str
    arguments: tuple[str, ...]
    metric: str


KINDS = [
    Kind(ScraperInstrumentor, "Scraper", "search_properties_by_zipcode", ("85001",), "scraper_requests_total"),
    Kind(ProxyManagerInstrumentor, "Pool", "get_next_proxy", (), "proxy_rotations_total"),
    Kind(RateLimiterInstrumentor, "Limiter", "wait_if_needed", ("site",), "rate_limit_hits_total"),
]
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(autouse=True)
def _off() -> Iterator[None]:
    yield
    sys.modules.pop("shop", None)
    for kind in KINDS:
        if kind.instrumentor().is_instrumented_by_opentelemetry:
            kind.instrumentor().uninstrument()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that can be imported, and has not been."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shop.py").write_text(SHOP, "utf-8")
    return tmp_path / "shop.py"


def switch_on(kind: Kind, recorded: RecordedMetrics, target: ClassTarget | None = None) -> None:
    hooks = Hooks(recorded.collector)
    kind.instrumentor().instrument(hooks=hooks, target=target or ClassTarget("shop", kind.name))


def call(kind: Kind, module: ModuleType) -> None:
    getattr(getattr(module, kind.name)(), kind.method)(*kind.arguments)


@by_kind
def test_on_off_and_on_again(
    kind: Kind, shop: Path, recorded: RecordedMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    module = importlib.import_module("shop")
    original = vars(getattr(module, kind.name)).copy()
    switch_on(kind, recorded)
    call(kind, module)
    assert recorded.value(kind.metric) == 1

    switch_on(kind, recorded)
    assert caplog.messages == ["Attempting to instrument while already instrumented"]
    call(kind, module)
    assert recorded.value(kind.metric) == 2

    kind.instrumentor().uninstrument()
    call(kind, module)
    assert recorded.value(kind.metric) == 2
    assert vars(getattr(module, kind.name)) == original

    switch_on(kind, recorded)
    call(kind, module)
    assert recorded.value(kind.metric) == 3


@by_kind
def test_class_that_is_imported_afterwards(kind: Kind, shop: Path, recorded: RecordedMetrics) -> None:
    switch_on(kind, recorded)
    assert "shop" not in sys.modules
    call(kind, importlib.import_module("shop"))
    assert recorded.value(kind.metric) == 1


@by_kind
def test_class_that_is_imported_after_all_is_off(kind: Kind, shop: Path, recorded: RecordedMetrics) -> None:
    switch_on(kind, recorded)
    kind.instrumentor().uninstrument()
    call(kind, importlib.import_module("shop"))
    assert recorded.value(kind.metric) == 0


@by_kind
def test_without_a_target_nothing_happens(kind: Kind, shop: Path, recorded: RecordedMetrics) -> None:
    kind.instrumentor().instrument(hooks=Hooks(recorded.collector), target=None)
    call(kind, importlib.import_module("shop"))
    assert recorded.value(kind.metric) == 0


def test_nested_class(shop: Path, recorded: RecordedMetrics) -> None:
    switch_on(KINDS[0], recorded, ClassTarget("shop", "Outer.Inner"))
    module = importlib.import_module("shop")
    module.Scraper().search_properties_by_zipcode("85001")
    assert recorded.value("scraper_requests_total") == 0
    module.Outer.Inner().search_properties_by_zipcode("85001")
    assert recorded.value("scraper_requests_total") == 1


def as_main(source: str, directory: Path) -> dict[str, Any]:
    """Run a file as the interpreter runs a program."""
    path = directory / "program.py"
    path.write_text(source, "utf-8")
    return runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize("name", ["Scraper", "Outer.Inner"])
def test_class_of_the_program_itself(name: str, tmp_path: Path, recorded: RecordedMetrics) -> None:
    switch_on(KINDS[0], recorded, ClassTarget("__main__", name))
    call_it = f"{name}().search_properties_by_zipcode('85001')"
    as_main(f"{SHOP}\n{call_it}\n{call_it}\n", tmp_path)
    assert recorded.value("scraper_requests_total") == 2


def test_class_of_the_program_that_was_made_before(recorded: RecordedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    class Scraper:
        def search_properties_by_zipcode(self, zipcode: str) -> list[str]:
            return [zipcode]

    monkeypatch.setattr(sys.modules["__main__"], "Scraper", Scraper, raising=False)
    for expected in (1, 2):
        switch_on(KINDS[0], recorded, ClassTarget("__main__", "Scraper"))
        Scraper().search_properties_by_zipcode("85001")
        assert recorded.value("scraper_requests_total") == expected
        ScraperInstrumentor().uninstrument()
        Scraper().search_properties_by_zipcode("85001")
        assert recorded.value("scraper_requests_total") == expected


def test_class_that_the_program_makes_twice(tmp_path: Path, recorded: RecordedMetrics) -> None:
    """Both are seen: an instance of the first may still be at work."""
    switch_on(KINDS[0], recorded, ClassTarget("__main__", "Scraper"))
    twice = f"{SHOP}\nfirst = Scraper()\n{SHOP}\n"
    names = as_main(
        f"{twice}first.search_properties_by_zipcode('1')\nScraper().search_properties_by_zipcode('2')\n", tmp_path
    )
    assert type(names["first"]) is not names["Scraper"]
    assert recorded.value("scraper_requests_total") == 2


def test_class_of_the_same_name_elsewhere_is_left_alone(shop: Path, tmp_path: Path, recorded: RecordedMetrics) -> None:
    switch_on(KINDS[0], recorded, ClassTarget("__main__", "Scraper"))
    importlib.import_module("shop").Scraper().search_properties_by_zipcode("85001")
    as_main(
        "def f():\n"
        "    class Scraper:\n"
        "        def search_properties_by_zipcode(self, zipcode): ...\n"
        "    return Scraper\n"
        "f()().search_properties_by_zipcode('1')\n",
        tmp_path,
    )
    assert recorded.value("scraper_requests_total") == 0


def test_class_statements_are_as_they_were_after_it_is_off(tmp_path: Path, recorded: RecordedMetrics) -> None:
    import builtins

    build = vars(builtins)["__build_class__"]
    for kind in KINDS:
        switch_on(kind, recorded, ClassTarget("__main__", kind.name))
    for kind in KINDS:
        kind.instrumentor().uninstrument()
    assert vars(builtins)["__build_class__"] is build
    assert "search_properties_by_zipcode" in vars(as_main(SHOP, tmp_path)["Scraper"])


def test_methods_by_other_names(shop: Path, recorded: RecordedMetrics) -> None:
    methods = {"search_properties_by_zipcode": MethodMapping("request", endpoint="page", zipcode="zipcode", size="")}
    switch_on(KINDS[0], recorded, ClassTarget("shop", "Scraper", methods))
    importlib.import_module("shop").Scraper().search_properties_by_zipcode(zipcode="85001")
    assert recorded.value("scraper_requests_total", endpoint="page", status="success") == 1


def test_missing_class_and_method_are_one_line_each(
    shop: Path, recorded: RecordedMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    switch_on(KINDS[0], recorded, ClassTarget("shop", "Scraper", {"fetch": MethodMapping("request")}))
    switch_on(KINDS[1], recorded, ClassTarget("shop", "Puddle"))
    with caplog.at_level(logging.INFO):
        importlib.import_module("shop")
    assert sorted(caplog.messages) == [
        "phoenix_otel: shop:Scraper has no method fetch",
        "phoenix_otel: there is no class shop:Puddle; it is not instrumented",
    ]
