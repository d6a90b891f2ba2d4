"""The measurement pipeline: a MeterProvider that is fast, and text for Prometheus straight from its numbers."""

from __future__ import annotations

try:
    from phoenix_otel.sdk.provider import MeterProvider
except ImportError:  # a version of the SDK that is built in another way
    from phoenix_otel.sdk.plain import MeterProvider  # type: ignore[assignment]

__all__ = ["MeterProvider"]
