"""A real OTLP receiver over HTTP and gRPC for tests: it keeps the newest totals of each process, by its name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc

Request = metrics_service_pb2.ExportMetricsServiceRequest


class Receiver:
    """What has arrived: the newest total of each counter of each process."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.requests = 0
        self._totals: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def take(self, request: Request) -> None:
        """Keep what was pushed."""
        with self._lock:
            self.requests += 1
            for resource_metrics in request.resource_metrics:
                attributes = {each.key: each.value.string_value for each in resource_metrics.resource.attributes}
                totals = self._totals.setdefault(attributes["service.instance.id"], {})
                for scope_metrics in resource_metrics.scope_metrics:
                    for metric in scope_metrics.metrics:
                        if metric.WhichOneof("data") == "sum":
                            points = metric.sum.data_points
                            totals[metric.name] = sum(point.as_int or point.as_double for point in points)

    def totals(self, name: str) -> dict[str, float]:
        """Return the newest total of a counter by process."""
        with self._lock:
            return {process: totals[name] for process, totals in self._totals.items() if name in totals}

    def total(self, name: str) -> float:
        """Return the sum of the processes' newest totals."""
        return sum(self.totals(name).values())


@contextmanager
def http_receiver(port: int = 0) -> Iterator[Receiver]:
    """Take pushes over HTTP while the block runs."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.take(Request.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def grpc_receiver(port: int = 0) -> Iterator[Receiver]:
    """Take pushes over gRPC while the block runs."""
    receiver = Receiver()

    class Service(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request: Request, context: object) -> object:  # noqa: N802 - the protocol's name
            receiver.take(request)
            return metrics_service_pb2.ExportMetricsServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(2))
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Service(), server)
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()
