"""What is left where the SDK is not built as expected: the plain SDK, and one line in the log."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from opentelemetry.sdk import metrics as sdk

_logger = logging.getLogger("phoenix_otel")


class MeterProvider(sdk.MeterProvider):
    """The SDK's MeterProvider; it has no cardinality limits."""

    core = None

    def __init__(self, *args: Any, cardinality_limit: int = 0, cardinality_limits: Any = None, **others: Any) -> None:
        super().__init__(*args, **others)
        say_so()


@cache
def say_so() -> None:
    """Say once that this is the plain SDK."""
    _logger.warning(
        "phoenix_otel: version %s of the OpenTelemetry SDK is not built as expected; recording by the plain SDK",
        _version(),
    )


def _version() -> str:
    from opentelemetry.sdk.version import __version__ as version

    return version
