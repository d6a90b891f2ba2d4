"""Spans around calls of the scraper's own methods: nothing at all until a tracer is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry.trace import Status, StatusCode, Tracer

_NOTHING = nullcontext()


class CallSpans:
    """Makes a span for each call while `tracer` is set; an exception sets its status and class, never its text."""

    def __init__(self) -> None:
        self.tracer: Tracer | None = None

    def around(self, part: str, endpoint: str) -> AbstractContextManager[None]:
        """Return what a call is to run in."""
        if self.tracer is None or part == "__init__":
            return _NOTHING
        return _span(self.tracer, part, endpoint)


@contextmanager
def _span(tracer: Tracer, part: str, endpoint: str) -> Iterator[None]:
    attributes = {"scraper.endpoint": endpoint} if endpoint else {}
    with tracer.start_as_current_span(
        part, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_attribute("scraper.outcome", "failed")
            span.set_status(Status(StatusCode.ERROR))
            raise
        span.set_attribute("scraper.outcome", "success")
