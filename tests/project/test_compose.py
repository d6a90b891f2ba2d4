"""docker-compose.yml, held against what the tests start natively: no engine runs where these tests do."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from phoenix_otel.cli.demo import demo
from tests.stack.compose import command, services
from tests.stack.process import ROOT, binary

SERVICES = services()
PUBLISHED = {"prometheus": "9091:9090", "grafana": "3000:3000", "alertmanager": "9093:9093"}
PROFILES = {"otel-collector": "collector", "demo": "demo", "mongo": "demo"}


def configuration(path: str) -> Any:
    return yaml.safe_load((ROOT / "collector-config" / path).read_text("utf-8"))


def test_compose_accepts_the_file() -> None:
    compose = binary("compose", "docker-compose")
    everything = ["--profile", "collector", "--profile", "demo"]
    accepted = subprocess.run(
        [compose, *everything, "config", "--services"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert sorted(accepted.stdout.split()) == sorted(SERVICES)


def test_the_services_and_their_profiles() -> None:
    assert set(SERVICES) == {*PUBLISHED, *PROFILES}
    assert {name: each["profiles"][0] for name, each in SERVICES.items() if "profiles" in each} == PROFILES


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_by_version(name: str) -> None:
    built_from = re.findall(r"^FROM (\S+)", SERVICES[name].get("build", {}).get("dockerfile_inline", ""), re.MULTILINE)
    for image in [SERVICES[name]["image"], *built_from]:
        assert re.search(r":v?\d+\.\d+", image), image


@pytest.mark.parametrize("name", SERVICES)
def test_services_say_whether_they_are_well_and_come_back(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_host_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert name not in PUBLISHED or ports == [f"127.0.0.1:{PUBLISHED[name]}"]


def test_volumes_are_declared_and_files_are_there() -> None:
    declared = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["volumes"]
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source == "./secrets":  # made by who needs it
                continue
            assert (ROOT / source).exists() if source.startswith("./") else source in declared, f"{name}: {volume}"


def test_prometheus_keeps_a_limited_past() -> None:
    assert "--storage.tsdb.retention.time=30d" in command("prometheus")
    assert "--storage.tsdb.retention.size=10GB" in command("prometheus")


def test_no_secret_is_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_ADMIN_PASSWORD:-admin}"
    assert len(re.findall(r"(?i)password", text)) == 3, "one more line speaks of passwords"


def test_addresses_in_the_configuration_are_services() -> None:
    prometheus = configuration("prometheus/prometheus.yml")
    found = {
        (name, config["port"])
        for job in prometheus["scrape_configs"]
        for config in job.get("dns_sd_configs", [])
        for name in config["names"]
    }
    assert found == {("demo", 9090), ("otel-collector", 8889), ("otel-collector", 8888)}
    assert prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["alertmanager:9093"]
    assert "--port=9090" in command("demo")
    (datasource,) = configuration("grafana/provisioning/datasources/phoenix_otel.yml")["datasources"]
    assert datasource["url"] == "http://prometheus:9090"
    (provider,) = configuration("grafana/provisioning/dashboards/phoenix_otel.yml")["providers"]
    folder = f"./collector-config/grafana/dashboards:{provider['options']['path']}:ro"
    assert folder in SERVICES["grafana"]["volumes"]
    assert "host.docker.internal:host-gateway" in SERVICES["prometheus"]["extra_hosts"]


def test_the_collector_is_the_one_that_the_tests_run() -> None:
    tested = yaml.safe_load((ROOT / "tests/stack/collector/manifest.yaml").read_text("utf-8"))["dist"]["version"]
    collector, agent = SERVICES["otel-collector"], configuration("otel-collector.yaml")
    assert f"FROM otel/opentelemetry-collector-contrib:{tested} AS" in collector["build"]["dockerfile_inline"]
    assert collector["image"].endswith(f":{tested}")

    ports = {each["endpoint"].rpartition(":")[2] for each in agent["receivers"]["otlp"]["protocols"].values()}
    assert ports == {port.rpartition(":")[2] for port in collector["ports"]}
    assert agent["extensions"]["health_check"]["endpoint"].rpartition(":")[2] in collector["healthcheck"]["test"][-1]
    assert agent["exporters"]["prometheus"]["endpoint"] == "0.0.0.0:8889"


def test_alertmanager_is_the_one_that_the_tests_run() -> None:
    version = subprocess.run(
        [binary("alertmanager", "prometheus-alertmanager"), "--version"], capture_output=True, text=True, check=True
    )
    tested = re.search(r"version (\d+\.\d+\.\d+)", version.stdout + version.stderr)
    assert tested is not None
    assert SERVICES["alertmanager"]["image"].endswith(f":v{tested[1]}")


def test_the_demo_is_started_with_options_that_it_has() -> None:
    parsed = demo.make_context("demo", command("demo")).params
    assert (parsed["duration"], parsed["port"], parsed["mongo_uri"]) == (0, 9090, "mongodb://mongo:27017")
    extras = re.search(r"/src\[([\w,]+)\]", SERVICES["demo"]["build"]["dockerfile_inline"])
    assert extras is not None
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) <= set(known)
