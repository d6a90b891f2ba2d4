"""A closed endpoint, scraped by a real Prometheus with the configuration that is generated for it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from phoenix_otel import ConfigError, configure_telemetry
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.files import export_prometheus_config
from phoenix_otel.generate.prometheus import prometheus_config
from tests.generate import promtool
from tests.reliability.certificates import Certificates, issue
from tests.stack.process import running
from tests.stack.prometheus import PrometheusServer

WITHIN = 30.0
UP = 'up{job="phoenix_scraper"}'


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return issue(tmp_path / "certificates")


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    file = tmp_path / "token"
    file.write_text("a-token-of-prometheus\n", "utf-8")
    return str(file)


def scrape_config(scrape: dict[str, str]) -> dict[str, Any]:
    (found,) = [
        each
        for each in prometheus_config(AlertConfig(scrape=scrape))["scrape_configs"]  # type: ignore[arg-type]
        if each["job_name"] == "phoenix_scraper"
    ]
    return {name: found[name] for name in ("scheme", "authorization", "basic_auth", "tls_config") if name in found}


def test_nothing_is_said_of_an_open_endpoint() -> None:
    assert scrape_config({}) == {}


def test_what_is_given_stands_in_the_configuration_in_its_own_terms() -> None:
    tls = {"ca_file": "/ca", "cert_file": "/cert", "key_file": "/key", "server_name": "scraper"}

    assert scrape_config({"scheme": "https", "credentials_file": "/token", **tls}) == {
        "scheme": "https",
        "authorization": {"credentials_file": "/token"},
        "tls_config": tls,
    }
    assert scrape_config({"username": "me", "password_file": "/password"}) == {
        "basic_auth": {"username": "me", "password_file": "/password"}
    }


@pytest.mark.parametrize(
    ("scrape", "message"),
    [
        (
            {"username": "me"},
            "option scrape.password_file: '' from argument is not allowed; allowed: given together with",
        ),
        ({"cert_file": "/c", "scheme": "https"}, "option scrape.key_file: '' from argument is not allowed"),
        ({"ca_file": "/c"}, "option scrape.scheme: 'http' from argument is not allowed; allowed: https, where one of"),
        (
            {"username": "me", "password_file": "/p", "credentials_file": "/t"},
            "option scrape.username: 'me' from argument is not allowed; allowed: one of username and credentials_file",
        ),
        ({"token": "x"}, "option scrape.token: REDACTED from argument is unknown"),
    ],
)
def test_contradictions_are_one_clear_error(scrape: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        AlertConfig(scrape=scrape)  # type: ignore[arg-type]


def told(prometheus: PrometheusServer, expression: str) -> list[float]:
    deadline = time.monotonic() + WITHIN
    while not (found := prometheus.query(expression)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [sample.value for sample in found]


@pytest.mark.parametrize("right", [True, False], ids=["with its token", "without"])
def test_prometheus_gets_in_with_token_and_certificate_alone(
    right: bool, tmp_path: Path, certificates: Certificates, token_file: str
) -> None:
    telemetry = configure_telemetry(
        port=0,
        auth_token_file=token_file,
        tls_cert_file=certificates.server_cert,
        tls_key_file=certificates.server_key,
        tls_client_ca_file=certificates.ca,
    )
    telemetry.collector.scraper.record_request("success", "search")
    config = AlertConfig(
        targets=(telemetry.url.removeprefix("https://"),),
        collectors=(),
        scrape_interval="1s",  # type: ignore[arg-type]
        rate_window="6s",  # type: ignore[arg-type]
        scrape={  # type: ignore[arg-type]
            "scheme": "https",
            "ca_file": certificates.ca,
            "cert_file": certificates.client_cert,
            "key_file": certificates.client_key,
            **({"credentials_file": token_file} if right else {}),
        },
    )
    export_prometheus_config(tmp_path / "configuration", config)
    promtool.run("check", "config", tmp_path / "configuration" / "prometheus" / "prometheus.yml")

    with running(PrometheusServer(tmp_path / "configuration", tmp_path)) as prometheus:
        assert told(prometheus, UP) == [1.0 if right else 0.0]
        requests = prometheus.query('scraper_requests_total{status="success", endpoint="search"}')
        assert [sample.value for sample in requests] == ([1.0] if right else [])
