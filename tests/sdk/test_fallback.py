"""The switch, and what happens with a version of the SDK that is built in another way."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider

from phoenix_otel import configure_telemetry
from phoenix_otel.sdk import MeterProvider
from tests.http import fetch, samples

KEY = ("scraper_requests_total", (("endpoint", "search"), ("method", "GET"), ("status", "success")))

PROGRAM = """
import logging, sys, urllib.request
logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s", level=logging.WARNING)
{change}
from phoenix_otel import configure_telemetry
from phoenix_otel.sdk import MeterProvider
import opentelemetry.metrics
for _ in range(2):
    with configure_telemetry(port=0, cardinality_limits={{"scraper_errors_total": 5}}) as telemetry:
        telemetry.collector.scraper.record_request("success", "search")
        opentelemetry.metrics.get_meter("own").create_histogram("sizes").record(3)
        print(urllib.request.urlopen(telemetry.url + "/metrics").read().decode())
print("core", MeterProvider().core)
"""

CHANGES = {
    "names that are gone": """
sys.modules["phoenix_otel.sdk.internals"] = None  # importing from it fails, as it does when what it imports is gone
""",
    "the exporter's names that are gone": """
import opentelemetry.exporter.prometheus
import sys
del sys.modules["opentelemetry.exporter.prometheus._mapping"].sanitize_attribute
""",
    "an attribute with another name": """
import opentelemetry.sdk.metrics._internal.sdk_configuration as module
import opentelemetry.sdk.metrics as sdk
plain = sdk.MeterProvider.__init__
def changed(self, *args, **options):
    plain(self, *args, **options)
    self._other, self._sdk_config = self._sdk_config, None
sdk.MeterProvider.__init__ = changed
sdk.MeterProvider._update_resource = lambda *_: None
""",
    "a consumer that is asked in another way": """
import opentelemetry.sdk.metrics._internal.instrument as module
for kind in (module.Counter, module.Histogram):
    kind.add = kind.record = lambda self, amount, attributes=None, context=None: self.measure(amount, attributes)
    kind.measure = lambda self, amount, attributes: self._consume(amount, attributes)
    def consume(self, amount, attributes):
        from opentelemetry.sdk.metrics._internal.measurement import Measurement
        from opentelemetry.context import get_current
        measurement = Measurement(amount, 1, self, get_current(), attributes)
        consumer = self._measurement_consumer
        consumer._reader_storages  # ours has none
        consumer.consume_measurement(measurement)
    kind._consume = consume
""",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_sdk_is_used_plainly_with_one_warning(change: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(change=change)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count('scraper_requests_total{endpoint="search",method="GET",status="success"} 1.0') == 2
    assert "sizes_sum" in done.stdout
    assert done.stdout.rstrip().endswith("core None")
    warnings = [line for line in done.stderr.splitlines() if "not built as expected" in line]
    assert len(warnings) == 1, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("value", "expected"), [("0", PlainMeterProvider), ("1", MeterProvider)])
def test_the_variable_is_the_switch(value: str, expected: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOENIX_OTEL_FAST_PATH", value)
    telemetry = configure_telemetry(port=0)
    telemetry.collector.scraper.record_request("success", "search")

    assert type(metrics.get_meter_provider()) is expected
    assert samples(fetch(telemetry.url, "/metrics").text)[KEY] == 1


def test_the_argument_wins_and_the_fast_path_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHOENIX_OTEL_FAST_PATH", raising=False)
    assert configure_telemetry(port=0).config.options.fast_path

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOENIX_OTEL_FAST_PATH", "1")
        from phoenix_otel.config import resolve

        assert not resolve(options={"fast_path": False}).options.fast_path
