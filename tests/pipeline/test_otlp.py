"""Push to a real OTLP receiver, over HTTP and gRPC, with outages."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.metrics.v1 import metrics_pb2

from phoenix_otel import configure_telemetry
from phoenix_otel.testing import reset
from tests.http import fetch

Request = metrics_service_pb2.ExportMetricsServiceRequest


class Receiver:
    """What has arrived, newest last, and where to push to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.paths: list[str] = []
        self.endpoint = ""
        self.arrived = threading.Event()

    def take(self, request: Request, path: str) -> None:
        self.requests.append(request)
        self.paths.append(path)
        self.arrived.set()

    def total(self, name: str) -> int:
        """Return the newest total of a counter."""
        metric = next(metric for metric in self._newest() if metric.name == name)
        assert metric.sum.aggregation_temporality == metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
        return sum(point.as_int for point in metric.sum.data_points)

    def resource(self) -> dict[str, str]:
        attributes = self.requests[-1].resource_metrics[0].resource.attributes
        return {attribute.key: attribute.value.string_value for attribute in attributes}

    def _newest(self) -> Iterator[metrics_pb2.Metric]:
        for resource_metrics in self.requests[-1].resource_metrics:
            for scope_metrics in resource_metrics.scope_metrics:
                yield from scope_metrics.metrics


def serve_http(receiver: Receiver, port: int = 0) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            receiver.take(Request.FromString(body), self.path)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
    return server


@pytest.fixture
def http_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    server = serve_http(receiver)
    yield receiver
    reset()  # the last push wants somebody to answer
    server.shutdown()
    server.server_close()


@pytest.fixture
def grpc_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Service(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request: Request, context: object) -> object:  # noqa: N802 - the protocol's name
            receiver.take(request, "")
            return metrics_service_pb2.ExportMetricsServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(2))
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Service(), server)
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield receiver
    reset()
    server.stop(None).wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    waiting = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        waiting.wait(0.01)


def test_http_push_beside_the_endpoint(http_receiver: Receiver) -> None:
    telemetry = configure_telemetry(port=0, otlp_endpoint=http_receiver.endpoint, labels={"environment": "prod"})
    telemetry.collector.scraper.record_request("success", "search")

    assert telemetry.force_flush()
    assert http_receiver.paths[-1] == "/v1/metrics"
    assert http_receiver.total("scraper.requests") == 1
    assert http_receiver.resource()["service.name"] == "phoenix_scraper"
    assert http_receiver.resource()["deployment.environment.name"] == "prod"
    assert fetch(telemetry.url, "/metrics").text.count("scraper_requests_total{") == 2


def test_grpc_push_by_the_standard_variables(grpc_receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", grpc_receiver.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mls")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "region=west,service.instance.id=scraper-1")
    telemetry = configure_telemetry(port=0)
    telemetry.collector.proxy.record_rotation()

    assert telemetry.force_flush()
    assert grpc_receiver.total("proxy.rotations") == 1
    found = grpc_receiver.resource()
    assert (found["service.name"], found["region"], found["service.instance.id"]) == ("mls", "west", "scraper-1")


def test_a_process_is_called_by_host_and_port_of_its_endpoint(http_receiver: Receiver) -> None:
    for _ in range(2):  # the same after a restart: its series go on
        with configure_telemetry(port=18080, otlp_endpoint=http_receiver.endpoint) as telemetry:
            port = int(telemetry.url.rpartition(":")[2])
            assert telemetry.force_flush()
        assert http_receiver.resource()["service.instance.id"] == f"{socket.gethostname()}:{port}"


def test_a_process_without_an_endpoint_has_a_random_name(http_receiver: Receiver) -> None:
    names = set()
    for _ in range(2):
        with configure_telemetry(exporters=["otlp"], otlp_endpoint=http_receiver.endpoint) as telemetry:
            assert telemetry.force_flush()
        names.add(http_receiver.resource()["service.instance.id"])
    assert len(names) == 2


def test_the_metrics_endpoint_variable_is_a_full_url(http_receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{http_receiver.endpoint}/custom/place")
    telemetry = configure_telemetry(exporters=["otlp"])
    telemetry.collector.proxy.record_rotation()

    assert telemetry.force_flush()
    assert telemetry.url == ""
    assert http_receiver.paths[-1] == "/custom/place"


def test_pushes_follow_the_collection_interval(http_receiver: Receiver) -> None:
    telemetry = configure_telemetry(port=0, otlp_endpoint=http_receiver.endpoint, collection_interval=0.05)
    telemetry.collector.proxy.record_rotation()

    until(lambda: len(http_receiver.requests) >= 3)


def test_the_last_state_is_pushed_at_shutdown(http_receiver: Receiver) -> None:
    with configure_telemetry(port=0, otlp_endpoint=http_receiver.endpoint) as telemetry:
        for _ in range(7):
            telemetry.collector.proxy.record_rotation()

    assert telemetry.shutdown()
    assert http_receiver.total("proxy.rotations") == 7


def test_totals_survive_an_outage_which_is_one_line_at_each_end(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    receiver = Receiver()
    with caplog.at_level(logging.INFO):
        telemetry = configure_telemetry(
            port=0, otlp_endpoint=f"http://127.0.0.1:{port}", collection_interval=0.05, otlp_timeout=0.05
        )
        telemetry.collector.proxy.record_rotation()
        until(lambda: fetch(telemetry.url, "/health").status == 503)
        assert not telemetry.force_flush(0.5)
        telemetry.collector.proxy.record_rotation()
        server = serve_http(receiver, port)
        until(lambda: fetch(telemetry.url, "/health").status == 200)
        assert telemetry.force_flush()
        telemetry.shutdown()
    server.shutdown()
    server.server_close()

    assert receiver.total("proxy.rotations") == 2
    said = [record.getMessage() for record in caplog.records if "pushing metrics" in record.getMessage()]
    assert [("fails" in line, "works again" in line) for line in said] == [(True, False), (False, True)]
    assert [record for record in caplog.records if record.name.startswith("opentelemetry.exporter")] == []


def test_a_silent_receiver_delays_neither_flush_nor_shutdown_beyond_their_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        telemetry = configure_telemetry(port=0, otlp_endpoint=endpoint, otlp_timeout=2)
        telemetry.collector.proxy.record_rotation()

        assert not telemetry.force_flush(0.2)
        assert not telemetry.shutdown(0.5)
        assert telemetry.url == ""
    until(lambda: "phoenix-otel-flush" not in {thread.name for thread in threading.enumerate()})


def test_a_program_with_a_pipeline_of_its_own_is_not_made_to_push_twice(
    http_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_receiver.endpoint)
    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    with configure_telemetry(port=0) as telemetry:
        telemetry.collector.proxy.record_rotation()
        provider.force_flush()
        assert len(http_receiver.requests) == 1
        assert http_receiver.total("proxy.rotations") == 1
    provider.shutdown()
