"""A scraper that lives for two seconds loses nothing: not when the Collector is there, and not when it is away."""

from __future__ import annotations

import json
import signal
import stat
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from phoenix_otel.generate.files import export_prometheus_config
from phoenix_otel.pipeline import otlp_json
from tests.http import fetch, samples
from tests.monitoring.pager import in_seconds
from tests.reliability.outages import BEHAVIOURS, misbehaving, unreachable
from tests.reliability.receiver import http_receiver
from tests.reliability.scraping import eventually, run, started
from tests.stack.otelcol import CollectorServer, loopback_options
from tests.stack.process import free_port, running

COUNTER = "scraper.properties_scraped"
TWO_SECONDS = "\nfor _ in range(20):\n    record(5)\n    time.sleep(0.1)"
QUICKLY: dict[str, object] = {"OTEL_EXPORTER_OTLP_TIMEOUT": 0.5, "PHOENIX_OTEL_SHUTDOWN_TIMEOUT": 3}


def spool(directory: Path) -> dict[str, object]:
    return {"PHOENIX_OTEL_SPOOL_DIRECTORY": directory / "spool", **QUICKLY}


def files(directory: Path) -> list[Path]:
    return sorted((directory / "spool").glob("*.jsonl"))


def test_two_seconds_are_enough(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        ended = run(TWO_SECONDS, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **spool(tmp_path))
        assert (ended.code, ended.complaints) == (0, [])
        assert receiver.total(COUNTER) == 100
        print(f"recorded: 100, arrived: {receiver.total(COUNTER):.0f}, lost: 0")  # noqa: T201
    assert files(tmp_path) == []


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("away", ["refused", "silent", "drips", "503"])
def test_what_nobody_took_is_sent_at_the_next_start(away: str, protocol: str, tmp_path: Path) -> None:
    port = free_port()
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", **spool(tmp_path)}
    over = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    if away == "refused":
        ended = run("record(100)", tmp_path, **variables, **over)
    else:
        with misbehaving(BEHAVIOURS[away], port):
            ended = run("record(100)", tmp_path, **variables, **over)
    assert ended.code == 0
    assert ended.seconds < 3 + 3
    (kept,) = files(tmp_path)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "kept in" in ended.err

    with http_receiver(port) as receiver:
        run("record(11)", tmp_path, **variables)
        assert sorted(receiver.totals(COUNTER).values()) == [11, 100]
        print(f"{protocol}, {away}: recorded 111, arrived {receiver.total(COUNTER):.0f}, lost: 0")  # noqa: T201
    assert files(tmp_path) == []


def test_sigterm_in_an_outage_keeps_the_last_state_too(tmp_path: Path) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": unreachable(), **spool(tmp_path)}
    with started("record(100)\nsay('ready')\nsignal.pause()\ntime.sleep(60)", tmp_path, **variables) as program:
        program.says("ready")
        assert program.ends(signal.SIGTERM).code == -signal.SIGTERM
    (kept,) = files(tmp_path)
    assert '"asInt":"100"' in kept.read_text("utf-8")


def test_the_spool_is_bounded_and_gives_up_the_oldest(tmp_path: Path) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": unreachable(), **spool(tmp_path), "PHOENIX_OTEL_SPOOL_SIZE": 20_000}
    for number in range(1, 7):
        run(f"record({number})", tmp_path, **variables)
    kept = files(tmp_path)
    assert sum(path.stat().st_size for path in kept) <= 20_000
    assert 1 <= len(kept) < 6
    assert '"asInt":"6"' in kept[-1].read_text("utf-8")


def test_what_is_no_state_is_set_aside_and_hinders_nothing(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "0-1.jsonl").write_text("this is no JSON\n")
    (tmp_path / "spool" / "0-2.jsonl").write_bytes(b"\xff\0\n")
    with http_receiver() as receiver:
        ended = run("record(1)", tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **spool(tmp_path))
        assert receiver.total(COUNTER) == 1
    assert files(tmp_path) == []
    assert len(list((tmp_path / "spool").glob("*.refused"))) == 2
    assert len(ended.complaints) == 2


def test_a_spool_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file in its place")
    ended = run("record(1)", tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=unreachable(), **spool(tmp_path))
    assert ended.code == 0
    assert len(ended.complaints) <= 3
    assert "keeping the last metrics failed with" in ended.err


def test_the_collector_reads_what_was_kept(tmp_path: Path) -> None:
    """With the same decoder as its otlpjsonfile receiver: that of its OTLP receiver, for OTLP/JSON."""
    run("record(100)", tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=unreachable(), **spool(tmp_path))
    options = loopback_options(tmp_path / "collector")
    export_prometheus_config(tmp_path / "collector", in_seconds(collector=options))
    with running(CollectorServer(tmp_path / "collector/otel-collector.yaml", options, tmp_path)) as collector:
        for path in files(tmp_path):
            for line in path.read_bytes().splitlines():
                json.loads(line)
                headers = {"Content-Type": "application/json"}
                request = urllib.request.Request(collector.http + "/v1/metrics", line, headers)  # noqa: S310 - ours
                with urllib.request.urlopen(request) as answer:  # noqa: S310 - ours
                    assert answer.status == 200

        def totals() -> list[float]:
            shown = samples(fetch(f"http://{options.prometheus}", "/metrics").text)
            return [value for (name, _), value in shown.items() if name == "scraper_properties_scraped_total"]

        eventually(lambda: totals() == [100])


NUMBERS = st.integers(0, 2**53) | st.floats(0, 1e300)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ATTRIBUTES = st.dictionaries(TEXTS.filter(bool), TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1), max_size=3)


@given(st.lists(st.tuples(NUMBERS, ATTRIBUTES), max_size=5), ATTRIBUTES)
def test_a_state_survives_its_file(recorded: list[tuple[float, dict[str, str]]], about: dict[str, str]) -> None:
    reader = InMemoryMetricReader()
    exponential = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], Resource(about), views=[exponential], shutdown_on_exit=False)
    meter = provider.get_meter("scope", "1", attributes={"a": "b"})
    instruments = [meter.create_counter("counter").add, meter.create_up_down_counter("up").add]
    instruments += [meter.create_histogram(name).record for name in ("histogram", "exponential")]
    instruments += [meter.create_gauge("gauge").set]
    for value, attributes in recorded:
        for record in instruments:
            record(value, attributes)
    data = reader.get_metrics_data()
    provider.shutdown()
    if data is not None:
        line = otlp_json.encode(data)
        assert "\n" not in line
        assert encode_metrics(otlp_json.decode(line)) == encode_metrics(data)
