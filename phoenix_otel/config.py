"""Configuration: argument over environment over file over default, and each value knows where it came from."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Self

from phoenix_otel import environment_variables as env
from phoenix_otel import redaction
from phoenix_otel.catalog import scraper as scraper_catalog
from phoenix_otel.class_targets import PROXY_MANAGER, RATE_LIMITER, SCRAPER, ClassTarget
from phoenix_otel.config_file import read_file
from phoenix_otel.options import (
    BOOLEAN,
    BUCKETS,
    COLLECTIONS,
    FILE,
    LABELS,
    LIMITS,
    REFUSALS,
    Option,
    Parser,
    Variable,
    choices,
    integer,
    not_allowed,
    option,
    seconds,
    several,
    text,
    unknown,
)

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_MILLISECONDS: Final = seconds(0.01, scale=0.001, unit="milliseconds")


class ConfigError(ValueError):
    """A wrong option: its name, the value, where it came from and what is allowed, one line for each that is wrong."""


@dataclass(frozen=True, kw_only=True)
class MetricsConfig:
    """The options of `configure_telemetry`. What is left out, or None, comes from environment, file or default.

    Raises ConfigError for a value that its option does not allow.
    """

    enabled: bool = option(True, BOOLEAN, env.PHOENIX_OTEL_ENABLED, description="Switch everything on or off.")
    service_name: str = option(
        "phoenix_scraper",
        text(r".*\S.*", "a name"),
        env.OTEL_SERVICE_NAME,
        description="The resource attribute `service.name`.",
    )
    labels: Mapping[str, str] = option(
        _NONE,
        LABELS,
        env.PHOENIX_OTEL_LABELS,
        description="Labels for every series; also resource attributes (`service` becomes `service.name`).",
    )
    host: str = option(
        "127.0.0.1",
        text(r"[^\s/]+", "an address or host name"),
        env.OTEL_EXPORTER_PROMETHEUS_HOST,
        description="Address that the endpoint listens on.",
    )
    port: int = option(
        9090,
        integer(0, 65535),
        env.OTEL_EXPORTER_PROMETHEUS_PORT,
        description="Port of the endpoint; 0 for any free one. A busy port is replaced by a free one, with a warning.",
    )
    path: str = option(
        "/metrics",
        text(r"/[\w./-]*\w", "a path such as /metrics"),
        env.PHOENIX_OTEL_PATH,
        description="Path of the metrics on the endpoint.",
    )
    auth_token_file: str = option(
        "",
        FILE,
        env.PHOENIX_OTEL_AUTH_TOKEN_FILE,
        description="File with the bearer token that clients of the endpoint must show.",
    )
    basic_auth_user: str = option(
        "",
        text(r"[^:\s]+", "a name without colon"),
        env.PHOENIX_OTEL_BASIC_AUTH_USER,
        description="User that clients must name, with the password below; with a token as well, either will do.",
    )
    basic_auth_password_file: str = option(
        "", FILE, env.PHOENIX_OTEL_BASIC_AUTH_PASSWORD_FILE, description="File with that user's password."
    )
    tls_cert_file: str = option(
        "",
        FILE,
        env.PHOENIX_OTEL_TLS_CERT_FILE,
        description="Certificate of the endpoint and its chain, in PEM: it speaks HTTPS, TLS 1.2 or newer.",
    )
    tls_key_file: str = option(
        "", FILE, env.PHOENIX_OTEL_TLS_KEY_FILE, description="Its private key, in PEM, without a passphrase."
    )
    tls_client_ca_file: str = option(
        "",
        FILE,
        env.PHOENIX_OTEL_TLS_CLIENT_CA_FILE,
        description="Authorities, in PEM; clients must have a certificate that one of them has signed.",
    )
    collection_interval: float = option(
        15.0,
        seconds(0.01),
        env.PHOENIX_OTEL_COLLECTION_INTERVAL,
        description="Seconds between two samples of the host, and between two OTLP pushes.",
    )
    response_time_buckets: tuple[float, ...] = option(
        scraper_catalog.RESPONSE_TIME.buckets,
        BUCKETS,
        env.PHOENIX_OTEL_RESPONSE_TIME_BUCKETS,
        description="Upper bounds, in seconds, of the response time histograms of scraper and proxies.",
    )
    content_size_buckets: tuple[float, ...] = option(
        scraper_catalog.CONTENT_SIZE.buckets,
        BUCKETS,
        env.PHOENIX_OTEL_CONTENT_SIZE_BUCKETS,
        description="Upper bounds, in bytes, of the content size histogram.",
    )
    cardinality_limit: int = option(
        2000,
        integer(2, 1_000_000),
        env.PHOENIX_OTEL_CARDINALITY_LIMIT,
        description="Attribute sets that one metric keeps; what comes beyond is counted in one overflow series.",
    )
    cardinality_limits: Mapping[str, int] = option(
        _NONE,
        LIMITS,
        env.PHOENIX_OTEL_CARDINALITY_LIMITS,
        description="The same for single metrics, by the name that OpenTelemetry or Prometheus has for them.",
    )
    fast_path: bool = option(
        True,
        BOOLEAN,
        env.PHOENIX_OTEL_FAST_PATH,
        description="Record and expose by `phoenix_otel.sdk`; without, by the plain OpenTelemetry SDK.",
    )
    exporters: tuple[str, ...] = option(
        (),
        several("prometheus", "otlp", "console"),
        env.OTEL_METRICS_EXPORTER,
        description="Where metrics go. Left out: prometheus, and otlp when an OTLP endpoint is given.",
    )
    traces_exporters: tuple[str, ...] = option(
        (),
        several("otlp", "console"),
        env.OTEL_TRACES_EXPORTER,
        description="Where traces go. Left out: there are none.",
    )
    otlp_endpoint: str = option(
        "",
        text(r"(https?://)?[^\s/]+\S*", "a URL such as http://localhost:4318"),
        env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
        env.OTEL_EXPORTER_OTLP_ENDPOINT,
        description="Base URL of the OTLP receiver to push to. Left out: no push.",
    )
    otlp_protocol: str = option(
        "http/protobuf",
        choices("http/protobuf", "grpc"),
        env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL,
        env.OTEL_EXPORTER_OTLP_PROTOCOL,
        description="Protocol of the push.",
    )
    otlp_timeout: float = option(
        3.0,
        seconds(0.01, 600),
        env.OTEL_EXPORTER_OTLP_METRICS_TIMEOUT,
        env.OTEL_EXPORTER_OTLP_TIMEOUT,
        description="Seconds that one push may take, retries included.",
    )
    export_interval: float | None = option(
        None,
        seconds(0.01),
        Variable(env.OTEL_METRIC_EXPORT_INTERVAL, _MILLISECONDS),
        description="Seconds between two pushes (the variable: milliseconds). Left out: `collection_interval`.",
    )
    shutdown_timeout: float = option(
        5.0,
        seconds(0.1, 600),
        env.PHOENIX_OTEL_SHUTDOWN_TIMEOUT,
        description="Seconds that leaving may take, the last push included.",
    )
    max_loop_lag: float = option(
        5.0,
        seconds(0.1),
        env.PHOENIX_OTEL_MAX_LOOP_LAG,
        description="Seconds that the scraper's event loop may be late before /health says 503.",
    )
    max_record_age: float = option(
        0.0,
        seconds(0),
        env.PHOENIX_OTEL_MAX_RECORD_AGE,
        description="Seconds without any record before /health says 503; 0 for never.",
    )

    handle_signals: bool = option(
        True,
        BOOLEAN,
        env.PHOENIX_OTEL_HANDLE_SIGNALS,
        description="Push for the last time when SIGTERM comes, then let it have its effect; `false` leaves it alone.",
    )
    spool_directory: str = option(
        "",
        text(r".*\S.*", "a directory"),
        env.PHOENIX_OTEL_SPOOL_DIRECTORY,
        description="Where a last state that nobody took is kept, for the next start to send. Left out: nowhere.",
    )
    spool_size: int = option(
        67_108_864,
        integer(1024, 2**40),
        env.PHOENIX_OTEL_SPOOL_SIZE,
        description="Bytes that the spool may hold; the oldest states are given up first.",
    )
    target_files: str = option(
        "",
        text(r".*\S.*", "a directory"),
        env.PHOENIX_OTEL_TARGET_FILES,
        description="Where the endpoint's address is written for Prometheus (`file_sd_configs`). Left out: nowhere.",
    )

    scraper: ClassTarget | None = option(
        None,
        SCRAPER,
        env.PHOENIX_OTEL_SCRAPER,
        description="The scraper's class, instrumented when its module is imported (zero code).",
    )
    proxy_manager: ClassTarget | None = option(
        None,
        PROXY_MANAGER,
        env.PHOENIX_OTEL_PROXY_MANAGER,
        description="The proxy manager's class, likewise.",
    )
    rate_limiter: ClassTarget | None = option(
        None,
        RATE_LIMITER,
        env.PHOENIX_OTEL_RATE_LIMITER,
        description="The rate limiter's class, likewise.",
    )

    collection_stats: tuple[str, ...] = option(
        (),
        COLLECTIONS,
        env.PHOENIX_OTEL_COLLECTION_STATS,
        description="MongoDB collections whose size and documents are read in the background (zero code).",
    )
    collection_stats_uri: str = option(
        "mongodb://localhost:27017",
        text(r"mongodb(\+srv)?://\S+", "a MongoDB URI"),
        env.PHOENIX_OTEL_COLLECTION_STATS_URI,
        description="Where to read them; best set in the environment, for it may hold a password.",
    )
    collection_stats_interval: float = option(
        0.0,
        seconds(0),
        env.PHOENIX_OTEL_COLLECTION_STATS_INTERVAL,
        description="Seconds between two readings; 0 for never.",
    )

    def __new__(cls, **given: Any) -> Self:
        """Remember which options were given: a default must not win over the environment."""
        config = super().__new__(cls)
        object.__setattr__(config, "_given", tuple(name for name, value in given.items() if value is not None))
        return config

    def __post_init__(self) -> None:
        problems: list[str] = []
        for field in dataclasses.fields(self):
            declared: Option = field.metadata["option"]
            value = getattr(self, field.name)
            if value is None:
                object.__setattr__(self, field.name, declared.default)
            elif field.name in self.given:
                object.__setattr__(self, field.name, _parse(field.name, value, declared.parser, "argument", problems))
        if problems:
            raise ConfigError("\n".join(problems))

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the options that were given, None not counting."""
        names: tuple[str, ...] = self.__dict__["_given"]
        return names


OPTIONS: Final[Mapping[str, Option]] = MappingProxyType(
    {field.name: field.metadata["option"] for field in dataclasses.fields(MetricsConfig)}
)
"""Every option by name."""


@dataclass(frozen=True)
class TelemetryConfig:
    """Resolved configuration: `values` by option name, and in `sources` where each came from.

    Two are equal when their values are. Options are read as attributes: `config.options.port`.
    """

    options: MetricsConfig
    sources: Mapping[str, str] = dataclasses.field(compare=False)

    def __str__(self) -> str:
        """Show what differs from the defaults, and where it came from."""
        values = {name: getattr(self.options, name) for name in self.sources}
        shown = {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}
        return (
            redaction.text(", ".join(f"{name}={shown[name]!r} ({self.sources[name]})" for name in shown)) or "defaults"
        )

    @property
    def service_name(self) -> str:
        """The service's name: as given, else the label `service`, else the default."""
        label = None if "service_name" in self.sources else self.options.labels.get("service")
        return label or self.options.service_name

    @property
    def exporters(self) -> tuple[str, ...]:
        """Where metrics go, once it is known whether there is an OTLP endpoint."""
        if self.options.exporters:
            return tuple(name for name in self.options.exporters if name != "none")
        return ("prometheus", "otlp") if self.options.otlp_endpoint else ("prometheus",)

    @property
    def export_interval(self) -> float:
        """Seconds between two pushes."""
        return self.options.export_interval or self.options.collection_interval


def resolve(
    config: MetricsConfig | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    config_file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> TelemetryConfig:
    """Join arguments, environment, file and defaults.

    Raises ConfigError with a line for each option that is unknown or not allowed.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, value, parser, source in _candidates(config, options or {}, config_file, environ, problems):
        if name not in values:
            values[name] = _parse(name, value, parser, source, problems)
            sources[name] = source
    if environ.get(env.OTEL_SDK_DISABLED, "").strip().lower() == "true":
        values["enabled"], sources["enabled"] = False, env.OTEL_SDK_DISABLED
    if problems:
        raise ConfigError("\n".join(problems))
    return TelemetryConfig(MetricsConfig(**values), MappingProxyType(sources))


_Candidate = tuple[str, Any, Parser, str]


def _candidates(
    config: MetricsConfig | None,
    options: Mapping[str, Any],
    config_file: str | os.PathLike[str] | None,
    environ: Mapping[str, str],
    problems: list[str],
) -> Iterator[_Candidate]:
    """Yield every value that was given, the strongest source first."""
    known = _known({name: value for name, value in options.items() if value is not None}, "argument", problems)
    yield from ((name, value, OPTIONS[name].parser, "argument") for name, value in known.items())
    if config is not None:
        yield from ((name, getattr(config, name), OPTIONS[name].parser, "argument") for name in config.given)
    for name, declared in OPTIONS.items():
        for variable in declared.variables:
            if value := environ.get(variable.name, "").strip():
                yield name, value, variable.parser or declared.parser, f"environment variable {variable.name}"
    path, table = read_file(config_file or environ.get(env.PHOENIX_OTEL_CONFIG_FILE) or None, problems)
    known = _known(table, f"file {path}", problems)
    yield from ((name, value, OPTIONS[name].parser, f"file {path}") for name, value in known.items())


def _parse(name: str, value: Any, parser: Parser, source: str, problems: list[str]) -> Any:
    try:
        return parser.parse(value)
    except REFUSALS:
        problems.append(not_allowed(name, value, source, parser.allowed))
        return None


def _known(given: Mapping[str, Any], source: str, problems: list[str]) -> dict[str, Any]:
    """Leave out what is no option, and say so with the nearest names."""
    problems.extend(unknown(name, given[name], source, OPTIONS) for name in given.keys() - OPTIONS.keys())
    return {name: value for name, value in given.items() if name in OPTIONS}
