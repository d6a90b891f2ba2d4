"""A real OTLP receiver over HTTP, which keeps every span and every byte."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue


@dataclass(frozen=True)
class Span:
    """What tests look at of a span; `parent` is the id of another one, or empty."""

    trace: bytes
    id: bytes
    parent: bytes
    name: str
    attributes: dict[str, str | int | bool | float]
    failed: bool
    service: str


@dataclass
class Receiver:
    """What has arrived."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Keep what was pushed."""
        self.bodies.append(body)
        if path == "/v1/traces":
            for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = {each.key: _value(each.value) for each in resource_spans.resource.attributes}
                for scope_spans in resource_spans.scope_spans:
                    self.spans.extend(
                        Span(
                            trace=span.trace_id,
                            id=span.span_id,
                            parent=span.parent_span_id,
                            name=span.name,
                            attributes={each.key: _value(each.value) for each in span.attributes},
                            failed=span.status.code == span.status.STATUS_CODE_ERROR,
                            service=str(resource["service.name"]),
                        )
                        for span in scope_spans.spans
                    )


def _value(value: AnyValue) -> str | int | bool | float:
    return next(iter(getattr(value, each.name) for each, _ in value.ListFields()), "")


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Take in traces and metrics for a block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
