"""Several worker processes on one host, all of them in Prometheus: by target files, or through the agent Collector."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from phoenix_otel import ConfigError
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.files import export_prometheus_config
from phoenix_otel.generate.prometheus import prometheus_config
from tests.http import fetch
from tests.monitoring.pager import in_seconds
from tests.reliability.scraping import Program, eventually, run, started
from tests.stack.otelcol import CollectorServer, loopback_options
from tests.stack.process import free_port, running
from tests.stack.prometheus import PrometheusServer

WORKER = """
    record(int(os.environ["NUMBER"]))
    say(telemetry.url)
    signal.pause()
    time.sleep(60)
"""
SUM = "sum(scraper_properties_scraped_total)"


def test_a_busy_port_silences_nobody(tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        workers = [
            stack.enter_context(started(WORKER, tmp_path, NUMBER=number, OTEL_EXPORTER_PROMETHEUS_PORT=port))
            for number in (1, 2, 3)
        ]
        urls = [worker.tells() for worker in workers]
        assert len(set(urls)) == 3
        assert all(fetch(url, "/metrics").status == 200 for url in urls)


def test_workers_are_found_by_their_target_files(tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    configuration = tmp_path / "configuration"
    prometheus = PrometheusServer(configuration, tmp_path)
    export_prometheus_config(configuration, in_seconds(targets=(), collectors=(), target_files=(f"{targets}/*.json",)))
    port = free_port()

    def up() -> list[float]:
        return [sample.value for sample in prometheus.query('up{job="phoenix_scraper"}')]

    with ExitStack() as stack:
        variables = {"OTEL_EXPORTER_PROMETHEUS_PORT": port, "PHOENIX_OTEL_TARGET_FILES": targets}
        workers = [stack.enter_context(started(WORKER, tmp_path, NUMBER=n, **variables)) for n in (1, 20, 300)]
        urls = {worker.tells() for worker in workers}
        stack.enter_context(running(prometheus))
        eventually(lambda: [sample.value for sample in prometheus.query(SUM)] == [321])
        assert up() == [1, 1, 1]
        assert {address(path) for path in targets.glob("*.json")} == {url.removeprefix("http://") for url in urls}
        print("3 workers in Prometheus, recorded: 321, lost: 0")  # noqa: T201

        assert workers[0].ends(signal.SIGTERM).code == -signal.SIGTERM
        eventually(lambda: up() == [1, 1])
        assert len(list(targets.glob("*.json"))) == 2


def address(path: Path) -> str:
    (group,) = json.loads(path.read_text("utf-8"))
    assert group["labels"] == {}
    (target,) = group["targets"]
    return str(target)


def test_files_of_processes_that_were_killed_are_removed_by_the_next(tmp_path: Path) -> None:
    variables = {"PHOENIX_OTEL_TARGET_FILES": tmp_path / "targets"}
    with started(WORKER, tmp_path, NUMBER=1, **variables) as worker:
        worker.tells()
        worker.ends(signal.SIGKILL)
    (left,) = (tmp_path / "targets").glob("*.json")
    with started(WORKER, tmp_path, NUMBER=1, **variables) as worker:
        url = worker.tells()
        (found,) = (tmp_path / "targets").glob("*.json")
        assert found != left
        assert address(found) == url.removeprefix("http://")


def test_children_have_files_of_their_own_and_another_path_is_told(tmp_path: Path) -> None:
    program = """
        child = os.fork()
        if child:
            say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            say(len(os.listdir("targets")), open("targets/" + os.listdir("targets")[0]).read().strip())
        else:
            say(len(os.listdir("targets")))
    """
    ended = run(program, tmp_path, PHOENIX_OTEL_TARGET_FILES="targets", PHOENIX_OTEL_PATH="/numbers")
    lines = ended.out.splitlines()
    assert lines[:2] == ["2", "0"]
    assert lines[2].startswith("1 ")
    assert '"labels": {"__metrics_path__": "/numbers"}' in lines[2]
    assert list((tmp_path / "targets").iterdir()) == []


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("a file in its place")
    ended = run("record(1)\nsay(bool(telemetry.url))", tmp_path, PHOENIX_OTEL_TARGET_FILES=tmp_path / "targets")
    assert (ended.code, ended.out) == (0, "True\n")
    assert len(ended.complaints) == 1


def test_workers_are_seen_through_the_agent(tmp_path: Path) -> None:
    configuration = tmp_path / "configuration"
    prometheus = PrometheusServer(configuration, tmp_path)
    options = loopback_options(tmp_path / "collector")
    config = in_seconds(targets=(), collectors=(options.prometheus,), collector=options)
    export_prometheus_config(configuration, config)
    with ExitStack() as stack:
        stack.enter_context(running(prometheus))
        collector = stack.enter_context(
            running(CollectorServer(configuration / "otel-collector.yaml", options, tmp_path))
        )
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http, "PHOENIX_OTEL_COLLECTION_INTERVAL": 0.5}
        workers: list[Program] = [
            stack.enter_context(started(WORKER, tmp_path, NUMBER=n, **variables)) for n in (1, 20, 300)
        ]
        [worker.tells() for worker in workers]
        eventually(lambda: [sample.value for sample in prometheus.query(SUM)] == [321])
        assert len(prometheus.query('scraper_properties_scraped_total{job="phoenix_scraper"}')) == 3
        print("3 workers through the agent, recorded: 321, lost: 0")  # noqa: T201


def test_prometheus_is_told_of_the_files() -> None:
    config = prometheus_config(AlertConfig(target_files=("/etc/prometheus/targets/*.json",)))
    (scrape,) = [each for each in config["scrape_configs"] if each["job_name"] == "phoenix_scraper"]
    assert scrape["file_sd_configs"] == [{"files": ["/etc/prometheus/targets/*.json"], "refresh_interval": "15s"}]
    assert "static_configs" in scrape


def test_files_that_prometheus_would_not_read_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"option target_files\.0: '/targets/\*' from argument is not allowed"):
        AlertConfig(target_files=("/targets/*",))
