"""Argument over environment over file over default, and errors that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_otel import ConfigError, MetricsConfig
from phoenix_otel.config import OPTIONS, resolve


def test_defaults() -> None:
    config = resolve(environ={})

    assert config.options == MetricsConfig()
    assert (config.options.host, config.options.port, config.options.path) == ("127.0.0.1", 9090, "/metrics")
    assert config.options.collection_interval == 15
    assert config.exporters == ("prometheus",)
    assert not config.sources


def test_argument_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text("port = 1\ncollection_interval = 2\npath = '/file'\n", "utf-8")
    environ = {"OTEL_EXPORTER_PROMETHEUS_PORT": "3", "PHOENIX_OTEL_COLLECTION_INTERVAL": "4"}

    config = resolve(MetricsConfig(port=5), {}, config_file=file, environ=environ)

    assert (config.options.port, config.options.collection_interval, config.options.path) == (5, 4, "/file")
    assert config.sources == {
        "port": "argument",
        "collection_interval": "environment variable PHOENIX_OTEL_COLLECTION_INTERVAL",
        "path": f"file {file}",
    }


def test_a_default_inside_metrics_config_does_not_count_as_given() -> None:
    given = MetricsConfig(path="/m", port=None)  # type: ignore[arg-type]
    config = resolve(given, environ={"OTEL_EXPORTER_PROMETHEUS_PORT": "3"})

    assert (config.options.port, config.options.path) == (3, "/m")


def test_keyword_beats_config_object() -> None:
    assert resolve(MetricsConfig(port=1), {"port": 2}, environ={}).options.port == 2


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("port", "abc", "a whole number from 0 to 65535"),
        ("port", 70000, "a whole number from 0 to 65535"),
        ("port", 1.5, "a whole number from 0 to 65535"),
        ("collection_interval", 0, "a number of seconds from 0.01 to 86400"),
        ("collection_interval", float("nan"), "a number of seconds from 0.01 to 86400"),
        ("response_time_buckets", [1, 0.5], "finite numbers in ascending order"),
        ("content_size_buckets", [], "finite numbers in ascending order"),
        ("labels", {"0x": "y"}, "names of letters, digits and underscores that no metric uses itself"),
        ("labels", {"status": "y"}, "names of letters, digits and underscores that no metric uses itself"),
        ("exporters", "prometheus,jaeger", "some of prometheus, otlp, console, or none"),
        ("otlp_protocol", "http/json", "http/protobuf or grpc"),
        ("path", "metrics", "a path such as /metrics"),
        ("enabled", "perhaps", "true or false"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(ConfigError) as raised:
        resolve(None, {name: value}, environ={})

    message = str(raised.value)
    assert message.startswith(f"option {name}: {value!r} from argument is not allowed; allowed: {allowed}")
    assert "\n" not in message


def test_metrics_config_refuses_the_same_values_at_once() -> None:
    with pytest.raises(ConfigError, match="option port: 'abc' from argument is not allowed"):
        MetricsConfig(port="abc")  # type: ignore[arg-type]


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(
        ConfigError, match="'abc' from environment variable OTEL_EXPORTER_PROMETHEUS_PORT is not allowed"
    ):
        resolve(environ={"OTEL_EXPORTER_PROMETHEUS_PORT": "abc"})


def test_an_unknown_file_key_is_named_with_the_nearest_option(tmp_path: Path) -> None:
    file = tmp_path / "phoenix-otel.toml"
    file.write_text("prot = 1\n", "utf-8")

    with pytest.raises(
        ConfigError, match=r"option prot: 1 from file .*phoenix-otel.toml is unknown; did you mean port\?"
    ):
        resolve(config_file=file, environ={})


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(ConfigError, match="option colour: 'red' from argument is unknown; allowed: enabled, "):
        resolve(None, {"colour": "red"}, environ={})


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        resolve(None, {"port": "abc", "path": "x"}, environ={"PHOENIX_OTEL_ENABLED": "perhaps"})

    assert len(str(raised.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("file_name", "text"),
    [("phoenix-otel.toml", "port = 7\n"), ("pyproject.toml", "[tool.phoenix_otel]\nport = 7\n")],
)
def test_a_file_in_the_working_directory_is_found(file_name: str, text: str) -> None:
    Path(file_name).write_text(text, "utf-8")

    assert resolve(environ={}).options.port == 7


def test_a_foreign_pyproject_is_none_of_our_business() -> None:
    Path("pyproject.toml").write_text("[tool.other]\nport = 7\n", "utf-8")

    assert resolve(environ={}).options.port == 9090


def test_a_file_that_is_not_there_is_an_error_only_if_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"option config_file: '.*missing.toml' cannot be read"):
        resolve(config_file=tmp_path / "missing.toml", environ={})


def test_a_broken_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("port = = 1", "utf-8")

    with pytest.raises(ConfigError, match=r"broken.toml' cannot be read"):
        resolve(environ={"PHOENIX_OTEL_CONFIG_FILE": str(tmp_path / "broken.toml")})


def test_standard_variables_keep_their_notation() -> None:
    config = resolve(
        environ={
            "OTEL_METRIC_EXPORT_INTERVAL": "2500",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
            "OTEL_SERVICE_NAME": "mls",
            "PHOENIX_OTEL_LABELS": "team=data,environment=prod",
            "PHOENIX_OTEL_RESPONSE_TIME_BUCKETS": "0.5, 1, 2",
        }
    )

    assert config.export_interval == 2.5
    assert config.exporters == ("prometheus", "otlp")
    assert config.service_name == "mls"
    assert config.options.labels == {"team": "data", "environment": "prod"}
    assert config.options.response_time_buckets == (0.5, 1, 2)


def test_otel_sdk_disabled_wins_over_the_code() -> None:
    assert not resolve(None, {"enabled": True}, environ={"OTEL_SDK_DISABLED": "true"}).options.enabled


def test_an_empty_variable_is_no_value() -> None:
    assert resolve(environ={"OTEL_EXPORTER_PROMETHEUS_PORT": ""}).options.port == 9090


def test_secrets_in_a_wrong_value_are_not_shown() -> None:
    with pytest.raises(ConfigError) as raised:
        resolve(None, {"otlp_endpoint": "http://user:hunter2@host: 4318"}, environ={})

    assert "hunter2" not in str(raised.value)


@given(st.dictionaries(st.sampled_from(sorted(OPTIONS)), st.one_of(st.none(), st.text(), st.integers(), st.floats())))
def test_any_input_is_accepted_or_refused_with_config_error(options: dict[str, Any]) -> None:
    try:
        config = resolve(None, options, environ={})
    except ConfigError:
        return
    assert resolve(config.options, environ={}) == config
