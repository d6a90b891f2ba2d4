"""What is used of the SDK beyond its public names, all in one place.

A version of the SDK that has moved one of these makes the import fail, and MeterProvider falls back to the plain SDK.
"""

from __future__ import annotations

from opentelemetry.context import _RUNTIME_CONTEXT, Context
from opentelemetry.exporter.prometheus._mapping import map_unit, sanitize_attribute
from opentelemetry.sdk.metrics._internal._view_instrument_match import _hash_attributes
from opentelemetry.sdk.metrics._internal.aggregation import DefaultAggregation
from opentelemetry.sdk.metrics._internal.instrument import _Counter, _Gauge, _Histogram, _UpDownCounter
from opentelemetry.sdk.metrics._internal.measurement import Measurement
from opentelemetry.sdk.metrics._internal.view import _default_reservoir_factory

RUNTIME_CONTEXT = _RUNTIME_CONTEXT
default_reservoir_factory = _default_reservoir_factory
hash_attributes = _hash_attributes

__all__ = [
    "RUNTIME_CONTEXT",
    "Context",
    "DefaultAggregation",
    "Measurement",
    "_Counter",
    "_Gauge",
    "_Histogram",
    "_UpDownCounter",
    "default_reservoir_factory",
    "hash_attributes",
    "map_unit",
    "sanitize_attribute",
]
