"""The measurement pipeline: a MeterProvider that is fast, and text for Prometheus straight from its numbers."""

from __future__ import annotations

from phoenix_otel.sdk.provider import MeterProvider

__all__ = ["MeterProvider"]
