"""A planted secret comes out nowhere, whatever it is written in."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pymongo.errors import ConfigurationError

from phoenix_otel import (
    ScraperMetricsIntegration,
    Telemetry,
    configure_telemetry,
    metrics_integrated_scraper,
    redaction,
)
from tests.http import fetch
from tests.integration.users_classes import PageError, PhoenixMLSScraper
from tests.pipeline.test_otlp import Receiver, serve_http
from tests.reliability.planted_secrets import EXCEPTIONS, IN_FIELDS, IN_USERINFO, MARK, Words, basic, given_away
from tests.telemetry.test_secrets import record_everywhere

EXAMPLES = 30
tried: Counter[str] = Counter()
leaks: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def say_what_was_tried() -> Iterator[None]:
    yield
    print(f"\n{tried.total():,} texts with a planted secret in {len(tried)} notations, given away: {leaks.total()}")  # noqa: T201


def check(notation: str, planted: Words, *shown: str) -> None:
    """Count what was tried; fails if one of these shows the secret."""
    leaked = [text for text in shown if given_away(text, planted)]
    tried[notation] += 1
    leaks[notation] += len(leaked)
    assert leaked == []


def words(marks: str) -> st.SearchStrategy[Words]:
    """Make names and a secret that has some of these marks around it."""
    around = st.text(f"aZ09{marks}", max_size=6)
    return st.builds(
        Words,
        user=st.text("aZ0_.-", min_size=1, max_size=8).filter(lambda name: name[0].isalpha()),
        secret=st.builds(lambda before, after: f"{before}{MARK}{after}", around, around),
        host=st.sampled_from(["proxy.example", "10.20.0.1", "a.b-c.example.org"]),
        port=st.integers(1, 65535),
    )


before = st.sampled_from(["", " ", "failed: ", "GET ", "('", '"', "<", "x=1, ", "\n", "via ", "["])
after = st.sampled_from(["", " ", "'", '"', ">", ", x=1", "\n", ")", " (407)"])


@pytest.mark.parametrize("notation", IN_USERINFO)
@settings(max_examples=EXAMPLES)
@given(words("-._~!$&*+,;=%^|:@"), before, after)
def test_no_password_in_userinfo_is_shown(notation: str, planted: Words, before: str, after: str) -> None:
    written = IN_USERINFO[notation](planted)
    as_url = redaction.url(written) if "://" in written else ""

    check(notation, planted, redaction.text(f"{before}{written}{after}"), redaction.proxy_id(written), as_url)


@pytest.mark.parametrize("notation", IN_FIELDS)
@settings(max_examples=EXAMPLES)
@given(words("-._~!$*+%^|"), before, after)
def test_no_secret_in_a_field_is_shown(notation: str, planted: Words, before: str, after: str) -> None:
    check(notation, planted, redaction.text(f"{before}{IN_FIELDS[notation](planted)}{after}"))


@pytest.mark.parametrize("kind", EXCEPTIONS)
@settings(max_examples=EXAMPLES)
@given(st.sampled_from([*IN_USERINFO.items(), *IN_FIELDS.items()]), words("-._~"))
def test_no_secret_in_an_exception_is_shown(kind: str, notation: tuple[str, object], planted: Words) -> None:
    write = {**IN_USERINFO, **IN_FIELDS}[notation[0]]
    error = EXCEPTIONS[kind](write(planted), planted)

    check(f"exception {kind}", planted, redaction.text(str(error)), redaction.text(repr(error)))


SEED = 20_26
WORDS_PER_NOTATION = 5


def planted_texts() -> Iterator[tuple[str, Words]]:
    """Write every notation with some names and secrets, the same in each run."""
    random = Random(SEED)  # noqa: S311 - nothing secret about it
    for write in (*IN_USERINFO.values(), *IN_FIELDS.values()):
        for _ in range(WORDS_PER_NOTATION):
            ends = ["".join(random.choices("aZ09-._~", k=random.randrange(6))) for _ in range(2)]
            planted = Words("user", f"{ends[0]}{MARK}{ends[1]}", "proxy.example", random.randrange(1024, 65536))
            yield write(planted), planted


@metrics_integrated_scraper
class FailingScraper(PhoenixMLSScraper):
    """A scraper whose pages fail with a text."""

    text = ""

    def _fail(self, page: str) -> None:
        raise PageError(f"{page}: {self.text}")


def raise_everywhere(telemetry: Telemetry, text: str) -> None:
    """Let a user's code raise where ours watches or is called back."""
    scraper = FailingScraper()
    scraper.text = text
    with pytest.raises(PageError):
        asyncio.run(scraper.search_properties_by_zipcode("85001"))
    with pytest.raises(ConfigurationError), ScraperMetricsIntegration().track_request(text):
        raise ConfigurationError(text)
    telemetry.collector.guard.caught(f"calling back {hash(text)}", ValueError(text))


@pytest.mark.usefixtures("production")
def test_no_secret_reaches_any_output(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    receiver = Receiver()
    server = serve_http(receiver)
    texts = list(planted_texts())
    with caplog.at_level(logging.DEBUG):
        telemetry = configure_telemetry(
            port=0,
            cardinality_limit=20_000,
            otlp_endpoint=receiver.endpoint,
            traces_exporters=("console",),
            collection_stats_uri=f"mongodb://user:{MARK}@127.0.0.1:1/db",
        )
        spans = InMemorySpanExporter()
        provider = trace.get_tracer_provider()
        assert isinstance(provider, TracerProvider)
        provider.add_span_processor(SimpleSpanProcessor(spans))
        for text, _ in texts:
            record_everywhere(telemetry, text)
            raise_everywhere(telemetry, text)
        outputs = {path: fetch(telemetry.url, path).text for path in ("/metrics", "/stats", "/", "/health")}
        assert telemetry.force_flush(20)
        outputs["the configuration"] = str(telemetry.config)
        telemetry.shutdown()
    server.shutdown()
    server.server_close()
    outputs["OTLP"] = "".join(request.SerializeToString().decode("latin-1") for request in receiver.requests)
    outputs["spans"] = "".join(span.to_json() for span in spans.get_finished_spans())
    outputs["the log"] = caplog.text
    outputs["the terminal"] = "".join(capfd.readouterr())

    size = sum(len(output) for output in outputs.values())
    encoded = {basic(planted) for _, planted in texts}
    leaking = [name for name, shown in outputs.items() if MARK in shown or any(each in shown for each in encoded)]
    print(  # noqa: T201
        f"\n{len(texts)} planted secrets, recorded and raised everywhere: {len(outputs)} outputs, {size:,} characters, "
        f"given away: {len(leaking)}"
    )
    assert "proxy.example" in outputs["/metrics"]
    assert "proxy.example" in outputs["OTLP"]
    assert "search_properties_by_zipcode" in outputs["spans"]
    assert leaking == []
