"""What behaves as the SDK does is tested on both providers by the same tests."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider

from phoenix_otel.sdk import MeterProvider

Provider = type[PlainMeterProvider]


@pytest.fixture(params=[MeterProvider, PlainMeterProvider], ids=["ours", "sdk"])
def provider_class(request: pytest.FixtureRequest) -> Provider:
    """Return our MeterProvider, then the SDK's."""
    chosen: Provider = request.param
    return chosen
