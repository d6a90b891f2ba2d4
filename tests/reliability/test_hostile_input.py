"""Labels and numbers of any kind: every event counts once, memory stays bounded, what is shown stays valid."""

from __future__ import annotations

import json
import logging
import math
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any, NoReturn

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.metrics import get_meter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from phoenix_otel import ConfigError, Telemetry, configure_telemetry
from phoenix_otel.testing import RecordedMetrics, recorded_metrics
from tests.http import fetch, samples

MEBIBYTE = 2**20


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class NoText:
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


class Unhashable:
    def __hash__(self) -> int:
        raise RuntimeError("no hash for you")


class Incomparable:
    def __hash__(self) -> int:
        return hash("85001")

    def __eq__(self, _: object) -> bool:
        raise RuntimeError("no comparison for you")


class OddText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    def __getitem__(self, _: Any) -> NoReturn:
        raise RuntimeError("no part of the text for you")

    def encode(self, *_: Any) -> NoReturn:
        raise RuntimeError("no bytes for you")


class OddProxy(dict[str, object]):
    def get(self, *_: Any) -> NoReturn:
        raise RuntimeError("no host for you")


itself: list[object] = []
itself.append(itself)

LABELS: dict[str, Any] = {
    "NUL": "a\0b",
    "newlines": "a\nb\r\nc\u2028d",
    "quotes": 'a"b\\"c\\',
    "braces": 'x"} 1\n# EOF\nevil{a="b',
    "lone surrogate": "a\ud800b",
    "right to left": "\u202eabc\u0301\U0001f600",
    "empty": "",
    "1 MB": "x" * MEBIBYTE,
    "1 MB of colons": ":" * MEBIBYTE,
    "1 MB of at signs": "a:b@" * (MEBIBYTE // 4),
    "1 MB of pairs": "password=" * (MEBIBYTE // 9),
    "bytes": b"\xff\x00",
    "None": None,
    "list": [1, "two", None],
    "list of itself": itself,
    "dict": {"host": None},
    "proxy without host": OddProxy(),
    "bool": True,
    "NaN": math.nan,
    "infinity": math.inf,
    "number of 5,000 digits": 10**5000,
    "function": len,
    "class": Unprintable,
    "str() raises": Unprintable(),
    "str() gives a number": NoText(),
    "hash() raises": Unhashable(),
    "== raises": Incomparable(),
    "text that raises": OddText("odd"),
}


@pytest.fixture
def telemetry() -> Telemetry:
    return configure_telemetry(port=0)


def shown(telemetry: Telemetry) -> str:
    """Return the exposition, having parsed all that the endpoint shows."""
    text = fetch(telemetry.url, "/metrics").text
    openmetrics = fetch(telemetry.url, "/metrics", Accept="application/openmetrics-text").text
    assert list(parse_openmetrics(openmetrics))
    json.loads(fetch(telemetry.url, "/stats").text, parse_constant=pytest.fail)
    assert fetch(telemetry.url, "/").status == 200
    promtool = shutil.which("promtool")
    if promtool is not None:
        checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False)
        assert checked.returncode in (0, 3), checked.stderr  # 3: it would rather have other names
    return text


def total(text: str, name: str) -> float:
    return sum(value for (sample, _), value in samples(text).items() if sample == name)


def warnings_of(caplog: pytest.LogCaptureFixture) -> Counter[str]:
    return Counter(record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)


def record_label(telemetry: Telemetry, value: Any) -> None:
    collector = telemetry.collector
    collector.scraper.record_request(value, value, value)
    collector.scraper.record_response_time(0.5, value, value)
    collector.scraper.record_error(value, value)
    collector.scraper.record_property_scraped(value, value)
    collector.proxy.record_proxy_request(value, value)
    collector.proxy.record_health_check(value, 0.1, True)
    collector.rate_limit.set_current_rate(value, 3)
    collector.database.record_query(value, value, value, 0.1)


@pytest.mark.parametrize("value", LABELS.values(), ids=LABELS)
def test_any_label_value_counts_exactly_once(
    telemetry: Telemetry, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.collector.scraper.record_property_scraped("85001")
    for _ in range(3):
        record_label(telemetry, value)

    text = shown(telemetry)
    assert total(text, "scraper_requests_total") == 3
    assert total(text, "scraper_response_time_seconds_count") == 3
    assert total(text, "scraper_errors_total") == 3
    assert total(text, "scraper_properties_scraped_total") == 4
    assert total(text, "proxy_requests_total") == 3
    assert total(text, "database_queries_total") == 3
    assert total(text, "rate_limit_current_rate") == 3
    assert max(len(label) for _, labels in samples(text) for _, label in labels) <= 256
    assert warnings_of(caplog) == {}


anything = st.recursive(
    st.text(st.characters(), max_size=300) | st.binary() | st.none() | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(st.lists(st.tuples(anything, anything), min_size=1, max_size=20))
def test_any_labels_at_all_count_exactly(values: list[tuple[Any, Any]]) -> None:
    with recorded_metrics(cardinality_limit=8) as recorded:
        for first, second in values:
            recorded.collector.scraper.record_error(first, second)
            recorded.collector.proxy.record_proxy_request(first, second)

        assert recorded.value("scraper_errors_total") == len(values)
        assert recorded.value("proxy_requests_total") == len(values)
        assert len(recorded.samples("scraper_errors_total")) <= 8


class Unnumbered:
    def __float__(self) -> float:
        raise RuntimeError("no number for you")


class Unordered(float):
    def __lt__(self, _: float) -> bool:
        raise RuntimeError("no order for you")


REFUSED: dict[str, Any] = {
    "NaN": math.nan,
    "infinity": math.inf,
    "negative infinity": -math.inf,
    "negative": -1,
    "slightly negative": -1e-300,
    "10^400": 10**400,
    "2^64": 2**64,
    "the largest float": 1.7976931348623157e308,
    "not a number": "many",
    "None": None,
    "list": [1],
    "complex": 1j,
    "decimal NaN": Decimal("NaN"),
    "float() raises": Unnumbered(),
}
TAKEN: dict[str, Any] = {
    "zero": 0,
    "negative zero": -0.0,
    "True": True,
    "decimal": Decimal("1.5"),
    "fraction": Fraction(1, 2),
    "text": "2",
    "tiny": 5e-324,
    "2^53": 2**53,
    "odd float": Unordered(3.0),
}


def record_number(telemetry: Telemetry, amount: Any) -> None:
    telemetry.collector.database.record_documents("insert", "listings", amount)
    telemetry.collector.scraper.record_response_time(amount, "search", "success")


@pytest.mark.parametrize("amount", REFUSED.values(), ids=REFUSED)
def test_a_number_that_cannot_be_is_left_out_with_one_line_for_each_metric(
    telemetry: Telemetry, amount: Any, caplog: pytest.LogCaptureFixture
) -> None:
    record_number(telemetry, 1)
    for _ in range(3):
        record_number(telemetry, amount)

    text = shown(telemetry)
    assert total(text, "database_documents_total") == 1
    assert total(text, "scraper_response_time_seconds_count") == total(text, "scraper_response_time_seconds_sum") == 1
    assert sorted(warnings_of(caplog).values()) == [1, 1]
    health = json.loads(fetch(telemetry.url, "/health").text)
    assert health["components"]["records"]["refused_values"] == 6
    assert health["status"] == "healthy"


@pytest.mark.parametrize("amount", TAKEN.values(), ids=TAKEN)
def test_a_number_of_another_type_counts(telemetry: Telemetry, amount: Any, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        record_number(telemetry, amount)

    text = shown(telemetry)
    assert total(text, "database_documents_total") == 3 * float(amount)
    assert total(text, "scraper_response_time_seconds_sum") == 3 * float(amount)
    assert total(text, "scraper_response_time_seconds_count") == 3
    assert warnings_of(caplog) == {}


def test_a_total_never_outgrows_what_otlp_can_carry(recorded: RecordedMetrics) -> None:
    """OTLP carries whole numbers in 64 bits, and one that does not fit would end every push."""
    for _ in range(2_000):
        recorded.collector.database.record_documents("insert", "listings", 2**53)

    found = recorded.value("database_documents_total")
    assert found == 2_000 * 2**53
    assert isinstance(recorded.samples("database_documents_total")[0].value, float)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, None, "many", Unnumbered()])
def test_a_gauge_keeps_its_last_good_value(telemetry: Telemetry, value: Any) -> None:
    telemetry.collector.rate_limit.set_current_rate("api", 7)
    for _ in range(3):
        telemetry.collector.rate_limit.set_current_rate("api", value)

    assert total(shown(telemetry), "rate_limit_current_rate") == 7


def test_a_label_of_another_meter_that_utf_8_cannot_carry_takes_nothing_else_away(telemetry: Telemetry) -> None:
    telemetry.collector.scraper.record_request("success", "search")
    orders = get_meter("shop").create_counter("orders", description="a\udfffb")
    orders.add(1, {"kind": "a\ud800b"})
    orders.add(2, {"kind": "a\ud801b"})

    found = samples(shown(telemetry))
    assert {dict(labels)["kind"]: value for (name, labels), value in found.items() if name == "orders_total"} == {
        r"a\ud800b": 1,
        r"a\ud801b": 2,
    }
    assert ("scraper_requests_total", (("endpoint", "search"), ("method", "GET"), ("status", "success"))) in found


@pytest.mark.parametrize("option", [{"labels": {"team": "caf\udce9"}}, {"service_name": "caf\udce9"}])
def test_a_label_for_every_series_that_utf_8_cannot_carry_is_an_error_at_once(option: dict[str, Any]) -> None:
    """The bytes of a variable that are no UTF-8 arrive like this."""
    with pytest.raises(ConfigError, match=r"option (labels|service_name): .*\\udce9.* is not allowed"):
        configure_telemetry(port=0, **option)


def test_a_million_zipcodes_are_counted_exactly_in_bounded_memory(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    zipcodes = 1_000_000
    record = telemetry.collector.scraper.record_property_scraped
    for number in range(10_000):
        record(f"{number:09}")
    before = psutil.Process().memory_info().rss
    for number in range(10_000, zipcodes):
        record(f"{number:09}")
    grown = psutil.Process().memory_info().rss - before

    text = shown(telemetry)
    counted = total(text, "scraper_properties_scraped_total")
    series = sum(1 for name, _ in samples(text) if name == "scraper_properties_scraped_total")
    print(  # noqa: T201
        f"\n{zipcodes:,} distinct zipcodes: {counted:,.0f} counted, lost: {zipcodes - counted:.0f}, "
        f"in {series} series; memory {grown / MEBIBYTE:+.1f} MiB after the first 10,000"
    )
    assert counted == zipcodes
    assert series == 2000
    assert grown < 10 * MEBIBYTE
    assert list(warnings_of(caplog).values()) == [1]
