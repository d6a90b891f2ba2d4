"""The OpenTelemetry Collector: as the agent beside scrapers, and as the gateway of a fleet."""

from __future__ import annotations

from typing import Any, Final

from phoenix_otel.catalog import LABEL_ATTRIBUTES
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.promql import duration_text

# what describes the process, its host and its SDK is no label: it stands in target_info
_NO_LABEL: Final = "^(service|deployment|telemetry|process|host|os)[.]"

# the queue in front of it is bounded
_NEVER_GIVE_UP: Final = {"max_interval": "5s", "max_elapsed_time": "0s"}


def agent(config: AlertConfig) -> dict[str, Any]:
    """Return the configuration of an agent: OTLP in, a Prometheus endpoint out, and on to a gateway if there is one."""
    options = config.collector
    exporters: dict[str, Any] = {
        "prometheus": {
            "endpoint": options.prometheus,
            "metric_expiration": duration_text(options.expiration),
            "translation_strategy": "UnderscoreEscapingWithSuffixes",
            "without_scope_info": True,
            "enable_open_metrics": True,
        }
    }
    if options.gateway:
        exporters["otlp_grpc"] = {
            "endpoint": options.gateway,
            "tls": {"insecure": True},
            "retry_on_failure": _NEVER_GIVE_UP,
            # one after the other: samples have to reach Prometheus in order
            "sending_queue": {"storage": "file_storage", "queue_size": 10_000, "num_consumers": 1},
        }
    return _collector(config, exporters, stores=bool(options.gateway))


def gateway(config: AlertConfig) -> dict[str, Any]:
    """Return the configuration of a gateway: OTLP in, remote write out, a queue in files between them."""
    options = config.collector
    exporters = {
        "prometheus_remote_write": {
            "http": {"endpoint": options.remote_write},
            "translation_strategy": "UnderscoreEscapingWithSuffixes",
            "disable_scope_info": True,
            "retry_on_failure": _NEVER_GIVE_UP,
            # one after the other: Prometheus refuses a sample that is older than the newest of its series
            "max_batch_request_parallelism": 1,
            "wal": {"directory": options.queue_directory, "buffer_size": 100, "truncate_frequency": "2s"},
        }
    }
    return _collector(config, exporters, stores=False)


def _collector(config: AlertConfig, exporters: dict[str, Any], *, stores: bool) -> dict[str, Any]:
    options = config.collector
    extensions: dict[str, Any] = {"health_check": {"endpoint": options.health}}
    if stores:
        extensions["file_storage"] = {"directory": options.queue_directory, "create_directory": True}
    return {
        "extensions": extensions,
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": options.grpc}, "http": {"endpoint": options.http}}}},
        "processors": {
            # first: what it refuses, the scraper keeps and sends again
            "memory_limiter": {
                "check_interval": "1s",
                "limit_mib": options.memory_limit_mib,
                "spike_limit_mib": options.memory_limit_mib // 5,
            },
            "transform": _as_scraped(config.job),
            "batch": {},
        },
        "exporters": exporters,
        "service": {
            "extensions": list(extensions),
            "pipelines": {
                "metrics": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "transform", "batch"],
                    "exporters": list(exporters),
                }
            },
            "telemetry": {"metrics": {"readers": [_own_metrics(options.telemetry)]}},
        },
    }


def _as_scraped(job: str) -> dict[str, Any]:
    """Give pushed series the labels that scraped ones have, and the job that alerts and dashboards look for.

    Both ways out make the labels job and instance from service.name and service.instance.id.
    """
    named = {label: attribute for label, attribute in LABEL_ATTRIBUTES.items() if label != "instance"}
    labels = [
        *(_label(label, attribute) for label, attribute in named.items()),
        'merge_maps(datapoint.attributes, resource.attributes, "insert")',
        f'delete_matching_keys(datapoint.attributes, "{_NO_LABEL}")',
    ]
    resource = [
        f'set(resource.attributes["service.name"], "{job}")',
        'delete_key(resource.attributes, "service.namespace")',
    ]
    # two groups: the resource may change only after all of its data points have read it
    return {"error_mode": "ignore", "metric_statements": [{"statements": labels}, {"statements": resource}]}


def _label(label: str, attribute: str) -> str:
    own, source = f'datapoint.attributes["{label}"]', f'resource.attributes["{attribute}"]'
    return f"set({own}, {source}) where {own} == nil and {source} != nil"


def _own_metrics(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    return {"pull": {"exporter": {"prometheus": {"host": host.strip("[]"), "port": int(port)}}}}
