"""Every environment variable that phoenix_otel reads, one constant each.

The OTEL_* variables keep the meaning that the OpenTelemetry specification gives them; PHOENIX_OTEL_* are for what it
does not cover. The OTLP exporters read further OTEL_EXPORTER_OTLP_* variables themselves: headers, certificates.
"""

from __future__ import annotations

from typing import Final

OTEL_SDK_DISABLED: Final = "OTEL_SDK_DISABLED"
"""`true` switches everything off, whatever the code asks for. Default: false."""

OTEL_SERVICE_NAME: Final = "OTEL_SERVICE_NAME"
"""The resource attribute service.name. Default: phoenix_scraper."""

OTEL_RESOURCE_ATTRIBUTES: Final = "OTEL_RESOURCE_ATTRIBUTES"
"""Resource attributes: name=value,name=value; labels and an explicit service name win over it. Default: none."""

OTEL_METRICS_EXPORTER: Final = "OTEL_METRICS_EXPORTER"
"""Comma-separated: prometheus, otlp, console, none. Default: prometheus, and otlp when an endpoint is given."""

OTEL_EXPORTER_PROMETHEUS_HOST: Final = "OTEL_EXPORTER_PROMETHEUS_HOST"
"""Address that the endpoint listens on. Default: 127.0.0.1."""

OTEL_EXPORTER_PROMETHEUS_PORT: Final = "OTEL_EXPORTER_PROMETHEUS_PORT"
"""Port that the endpoint listens on, 0 for any free one. Default: 9090."""

OTEL_EXPORTER_OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Base URL of an OTLP receiver; metrics go to its /v1/metrics over HTTP. Default: no push."""

OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
"""Full URL for metrics alone; wins over OTEL_EXPORTER_OTLP_ENDPOINT. Default: unset."""

OTEL_EXPORTER_OTLP_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
"""http/protobuf or grpc. Default: http/protobuf."""

OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"
"""The same for metrics alone. Default: unset."""

OTEL_EXPORTER_OTLP_TIMEOUT: Final = "OTEL_EXPORTER_OTLP_TIMEOUT"
"""Seconds that one push may take. Default: 3."""

OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: Final = "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT"
"""The same for metrics alone. Default: unset."""

OTEL_METRIC_EXPORT_INTERVAL: Final = "OTEL_METRIC_EXPORT_INTERVAL"
"""Milliseconds between two pushes. Default: the collection interval."""

OTEL_TRACES_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
"""Comma-separated: otlp, console, none. Default: none, no traces."""

OTEL_PYTHON_DISTRO: Final = "OTEL_PYTHON_DISTRO"
"""Which distro opentelemetry-instrument takes if several are installed; ours is `phoenix`. Default: the first found."""

OTEL_PYTHON_CONFIGURATOR: Final = "OTEL_PYTHON_CONFIGURATOR"
"""Which configurator it takes. Default: our distro sets `phoenix`."""

OTEL_SEMCONV_STABILITY_OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
"""Which HTTP conventions instrumentations follow. Default: our distro sets `http`, the stable ones."""

PHOENIX_OTEL_CONFIG_FILE: Final = "PHOENIX_OTEL_CONFIG_FILE"
"""A TOML file. Default: phoenix-otel.toml, else [tool.phoenix_otel] of pyproject.toml, in the working directory."""

PHOENIX_OTEL_ENABLED: Final = "PHOENIX_OTEL_ENABLED"
"""`false` switches everything off. Default: true."""

PHOENIX_OTEL_PATH: Final = "PHOENIX_OTEL_PATH"
"""Path of the metrics on the endpoint. Default: /metrics."""

PHOENIX_OTEL_AUTH_TOKEN_FILE: Final = "PHOENIX_OTEL_AUTH_TOKEN_FILE"  # noqa: S105 - a name
"""File with the bearer token that clients of the endpoint must show. Default: none is asked for."""

PHOENIX_OTEL_BASIC_AUTH_USER: Final = "PHOENIX_OTEL_BASIC_AUTH_USER"
"""User that clients of the endpoint must name. Default: none is asked for."""

PHOENIX_OTEL_BASIC_AUTH_PASSWORD_FILE: Final = "PHOENIX_OTEL_BASIC_AUTH_PASSWORD_FILE"  # noqa: S105 - a name
"""File with that user's password. Default: none."""

PHOENIX_OTEL_TLS_CERT_FILE: Final = "PHOENIX_OTEL_TLS_CERT_FILE"
"""Certificate of the endpoint, PEM. Default: plain HTTP."""

PHOENIX_OTEL_TLS_KEY_FILE: Final = "PHOENIX_OTEL_TLS_KEY_FILE"
"""Private key of that certificate, PEM. Default: none."""

PHOENIX_OTEL_TLS_CLIENT_CA_FILE: Final = "PHOENIX_OTEL_TLS_CLIENT_CA_FILE"
"""Authorities that clients' certificates must be signed by, PEM. Default: clients need none."""

PHOENIX_OTEL_COLLECTION_INTERVAL: Final = "PHOENIX_OTEL_COLLECTION_INTERVAL"
"""Seconds between two samples of the host, and between two pushes. Default: 15."""

PHOENIX_OTEL_LABELS: Final = "PHOENIX_OTEL_LABELS"
"""Labels for every series: name=value,name=value. Default: none."""

PHOENIX_OTEL_RESPONSE_TIME_BUCKETS: Final = "PHOENIX_OTEL_RESPONSE_TIME_BUCKETS"
"""Upper bounds in seconds, comma-separated and ascending. Default: 0.1 to 60."""

PHOENIX_OTEL_CONTENT_SIZE_BUCKETS: Final = "PHOENIX_OTEL_CONTENT_SIZE_BUCKETS"
"""Upper bounds in bytes, comma-separated and ascending. Default: 1 KiB to 1 MiB."""

PHOENIX_OTEL_CARDINALITY_LIMIT: Final = "PHOENIX_OTEL_CARDINALITY_LIMIT"
"""Attribute sets that one metric keeps, the overflow series included. Default: 2000."""

PHOENIX_OTEL_CARDINALITY_LIMITS: Final = "PHOENIX_OTEL_CARDINALITY_LIMITS"
"""The same for single metrics: name=number,name=number. Default: none."""

PHOENIX_OTEL_FAST_PATH: Final = "PHOENIX_OTEL_FAST_PATH"
"""`false` records and exposes by the plain OpenTelemetry SDK. Default: true."""

PHOENIX_OTEL_SHUTDOWN_TIMEOUT: Final = "PHOENIX_OTEL_SHUTDOWN_TIMEOUT"
"""Seconds that leaving may take, the last push included. Default: 5."""

PHOENIX_OTEL_MAX_LOOP_LAG: Final = "PHOENIX_OTEL_MAX_LOOP_LAG"
"""Seconds that the scraper's event loop may be late before /health says 503. Default: 5."""

PHOENIX_OTEL_MAX_RECORD_AGE: Final = "PHOENIX_OTEL_MAX_RECORD_AGE"
"""Seconds without any record before /health says 503; 0 for never. Default: 0."""

PHOENIX_OTEL_HANDLE_SIGNALS: Final = "PHOENIX_OTEL_HANDLE_SIGNALS"
"""`false` leaves SIGTERM alone: what was recorded since the last push is lost with it. Default: true."""

PHOENIX_OTEL_SPOOL_DIRECTORY: Final = "PHOENIX_OTEL_SPOOL_DIRECTORY"
"""Where the last state is kept that no receiver took. Default: nowhere."""

PHOENIX_OTEL_SPOOL_SIZE: Final = "PHOENIX_OTEL_SPOOL_SIZE"
"""Bytes that the spool may hold. Default: 67108864, 64 MiB."""

PHOENIX_OTEL_TARGET_FILES: Final = "PHOENIX_OTEL_TARGET_FILES"
"""Directory in which Prometheus finds the endpoint's address. Default: none."""

PHOENIX_OTEL_SCRAPER: Final = "PHOENIX_OTEL_SCRAPER"
"""The scraper's class, package.module:Class, to be instrumented when its module is imported. Default: none."""

PHOENIX_OTEL_PROXY_MANAGER: Final = "PHOENIX_OTEL_PROXY_MANAGER"
"""The proxy manager's class, likewise. Default: none."""

PHOENIX_OTEL_RATE_LIMITER: Final = "PHOENIX_OTEL_RATE_LIMITER"
"""The rate limiter's class, likewise. Default: none."""

PHOENIX_OTEL_COLLECTION_STATS: Final = "PHOENIX_OTEL_COLLECTION_STATS"
"""MongoDB collections, database.collection separated by commas, whose statistics are read. Default: none."""

PHOENIX_OTEL_COLLECTION_STATS_URI: Final = "PHOENIX_OTEL_COLLECTION_STATS_URI"
"""The MongoDB to read them from. Default: mongodb://localhost:27017."""

PHOENIX_OTEL_COLLECTION_STATS_INTERVAL: Final = "PHOENIX_OTEL_COLLECTION_STATS_INTERVAL"
"""Seconds between two readings, 0 for never. Default: 0."""

PHOENIX_OTEL_RAISE_INTERNAL_ERRORS: Final = "PHOENIX_OTEL_RAISE_INTERNAL_ERRORS"
"""`true` lets errors inside phoenix_otel through instead of logging them; for its own tests. Default: false."""
