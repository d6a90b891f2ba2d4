"""Which measurements become exemplars: those of a sampled span, unless the provider's filter says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from time import time_ns
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, ExemplarFilter, TraceBasedExemplarFilter

from phoenix_otel.sdk.cells import Mark, Number
from phoenix_otel.sdk.internals import RUNTIME_CONTEXT

_NO_SPAN: Final = trace.INVALID_SPAN_CONTEXT


class Exemplars:
    """Makes exemplars. `possible()` is true where there may be one: all that a record without a span has to ask."""

    def __init__(self, exemplar_filter: ExemplarFilter) -> None:
        self._filter = exemplar_filter
        self._orders = count(1)
        self.possible: Callable[[], object] = _question(exemplar_filter)

    def mark(self, value: Number, attributes: Any, rest: dict[str, Any] | None, context: Context | None) -> Mark | None:
        """Return the exemplar that a measurement makes, None if the filter leaves it out."""
        now = time_ns()
        context = context or get_current()
        if not self._filter.should_sample(value, now, attributes, context):
            return None
        span = trace.get_current_span(context).get_span_context()
        if span == _NO_SPAN:
            return Mark(next(self._orders), value, now, None, None, rest)
        return Mark(next(self._orders), value, now, span.span_id, span.trace_id, rest)

    def now(self) -> int:
        """Return an order that all exemplars so far come before."""
        return next(self._orders)


def _question(exemplar_filter: ExemplarFilter) -> Callable[[], object]:
    """Return something fast: an empty context, which is false, holds no span."""
    if type(exemplar_filter) is AlwaysOffExemplarFilter:
        return bool
    if type(exemplar_filter) is TraceBasedExemplarFilter:
        variable = getattr(RUNTIME_CONTEXT, "_current_context", None)
        return variable.get if variable is not None else get_current
    return object
