"""One state of all metrics as one line of OTLP/JSON, and back; the Collector's otlpjsonfile reads it, too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope


def encode(data: MetricsData) -> str:
    """Return the line, without its end; exemplars are left out."""
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    request = encode_metrics(data)
    scopes = (scope for resource in request.resource_metrics for scope in resource.scope_metrics)
    for metric in (metric for scope in scopes for metric in scope.metrics):
        for point in getattr(metric, metric.WhichOneof("data") or "gauge").data_points:
            point.ClearField("exemplars")  # their ids are hexadecimal in OTLP/JSON, and base64 in protobuf's
    return json.dumps(MessageToDict(request, use_integers_for_enums=True), separators=(",", ":"))


def decode(line: str) -> MetricsData:
    """Read such a line; raises ValueError for anything else."""
    from google.protobuf.json_format import Parse, ParseError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    try:
        request = Parse(line, ExportMetricsServiceRequest(), ignore_unknown_fields=True)
    except ParseError as error:
        raise ValueError("not a line of OTLP/JSON metrics") from error
    return MetricsData([_resource_metrics(each) for each in request.resource_metrics])


def _resource_metrics(read: Any) -> ResourceMetrics:
    resource = Resource(_attributes(read.resource.attributes), read.schema_url)
    return ResourceMetrics(resource, [_scope_metrics(each) for each in read.scope_metrics], read.schema_url)


def _scope_metrics(read: Any) -> ScopeMetrics:
    scope = InstrumentationScope(
        read.scope.name, read.scope.version, read.schema_url, _attributes(read.scope.attributes)
    )
    metrics = [_metric(each) for each in read.metrics if each.WhichOneof("data") in _DATA]
    return ScopeMetrics(scope, metrics, read.schema_url)


def _metric(read: Any) -> Metric:
    kind = read.WhichOneof("data")
    return Metric(read.name, read.description, read.unit, _DATA[kind](getattr(read, kind)))


def _gauge(read: Any) -> Gauge:
    return Gauge([_number(point) for point in read.data_points])


def _sum(read: Any) -> Sum:
    points = [_number(point) for point in read.data_points]
    return Sum(points, AggregationTemporality(read.aggregation_temporality), read.is_monotonic)


def _histogram(read: Any) -> Histogram:
    points = [
        HistogramDataPoint(
            attributes=_attributes(point.attributes),
            start_time_unix_nano=point.start_time_unix_nano,
            time_unix_nano=point.time_unix_nano,
            count=point.count,
            sum=point.sum,
            bucket_counts=list(point.bucket_counts),
            explicit_bounds=list(point.explicit_bounds),
            min=point.min,
            max=point.max,
        )
        for point in read.data_points
    ]
    return Histogram(points, AggregationTemporality(read.aggregation_temporality))


def _exponential_histogram(read: Any) -> ExponentialHistogram:
    points = [
        ExponentialHistogramDataPoint(
            attributes=_attributes(point.attributes),
            start_time_unix_nano=point.start_time_unix_nano,
            time_unix_nano=point.time_unix_nano,
            count=point.count,
            sum=point.sum,
            scale=point.scale,
            zero_count=point.zero_count,
            positive=Buckets(point.positive.offset, list(point.positive.bucket_counts)),
            negative=Buckets(point.negative.offset, list(point.negative.bucket_counts)),
            flags=point.flags,
            min=point.min,
            max=point.max,
        )
        for point in read.data_points
    ]
    return ExponentialHistogram(points, AggregationTemporality(read.aggregation_temporality))


def _number(read: Any) -> NumberDataPoint:
    value = read.as_int if read.WhichOneof("value") == "as_int" else read.as_double
    return NumberDataPoint(_attributes(read.attributes), read.start_time_unix_nano, read.time_unix_nano, value)


_DATA: Final[Mapping[str, Callable[[Any], Any]]] = {
    "gauge": _gauge,
    "sum": _sum,
    "histogram": _histogram,
    "exponential_histogram": _exponential_histogram,
}


def _attributes(read: Iterable[Any]) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in read}


def _value(read: Any) -> Any:
    kind = read.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in read.array_value.values]
    return getattr(read, kind) if kind else None
