"""Text for Prometheus straight from numbers: text 0.0.4 and OpenMetrics 1.0.

The result is what prometheus_client writes for the same families. The text of a series' labels is made once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from prometheus_client.utils import floatToGoString

from phoenix_otel.sdk.cells import Distribution, Mark
from phoenix_otel.sdk.families import CellSource, Families, Family, Labels, PointSource, shown
from phoenix_otel.sdk.instruments import CellInstrument


@dataclass(frozen=True)
class _Format:
    """What the two formats differ in."""

    named_in_full: bool
    help_escapes: Mapping[int, str]
    units: bool
    exemplars: bool
    end: str


_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_ESCAPES_IN_QUOTES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})

_TEXT: Final = _Format(named_in_full=True, help_escapes=_ESCAPES, units=False, exemplars=False, end="")
_OPENMETRICS: Final = _Format(
    named_in_full=False, help_escapes=_ESCAPES_IN_QUOTES, units=True, exemplars=True, end="# EOF\n"
)

_SUFFIXES: Final = {"counter": "_total", "info": "_info"}
_TYPE_IN_TEXT: Final = {"info": "gauge"}
_FEW: Final = 1_000_000
"""From here on numbers are written with an exponent."""


class Exposition:
    """Writes families for one reader; remembers the labels of cells from one time to the next.

    `labels` are on every series, otel_scope_name on those that are not of `own_scope`.
    """

    def __init__(self, resource: Resource, own_scope: str, labels: Labels) -> None:
        self._resource = resource
        self._own_scope = own_scope
        self._labels = labels
        self._remembered: dict[CellInstrument, _LabelTexts] = {}

    def render(
        self, instruments: Sequence[CellInstrument], data: MetricsData | None, *, openmetrics: bool
    ) -> tuple[bytes, set[str]]:
        """Return the text of these, and the names of metrics that it cannot show."""
        families = Families(self._own_scope, self._labels)
        if instruments or data is not None:
            families.add_target(self._resource)
        if data is not None:
            families.add_data(data)
        families.add_instruments(instruments)
        form = _OPENMETRICS if openmetrics else _TEXT
        lines = [line for family in families for line in self._family(family, form)]
        return ("".join(lines) + form.end).encode("utf-8", "replace"), families.unsupported

    def _family(self, family: Family, form: _Format) -> Iterator[str]:
        full = family.name + _SUFFIXES.get(family.type, "")
        name = full if form.named_in_full else family.name
        yield f"# HELP {name} {family.help.translate(form.help_escapes)}\n"
        yield f"# TYPE {name} {_TYPE_IN_TEXT.get(family.type, family.type) if form.named_in_full else family.type}\n"
        if form.units and family.unit:
            yield f"# UNIT {name} {family.unit}\n"
        cells = [source.instrument.cells[:] for source in family.sources if isinstance(source, CellSource)]
        names = family.label_names()  # after the cells: it has the names of them all
        for source in family.sources:
            if isinstance(source, CellSource):
                yield from self._cells(family, full, source, cells.pop(0), names, form)
            else:
                yield from _points(family, full, source, names)

    def _cells(
        self, family: Family, full: str, source: CellSource, cells: list[Any], names: tuple[str, ...], form: _Format
    ) -> Iterator[str]:
        labels = self._remembered.get(source.instrument)
        if labels is None or labels.names != names:
            prefix = "" if family.type == "histogram" else full
            labels = self._remembered[source.instrument] = _LabelTexts(prefix, names, source.extra)
        heads = labels.of(cells)
        if family.type == "histogram":
            write = _HistogramLines(family.name, source.instrument.bounds)  # type: ignore[attr-defined]
            for head, cell in zip(heads, cells, strict=False):
                with source.instrument.lock:
                    held = cell.read()
                yield from write.lines(head, held, cell.marks if form.exemplars else None)
        else:
            for head, cell in zip(heads, cells, strict=False):
                value = cell.value
                number = f"{value}.0" if value.__class__ is int and -_FEW < value < _FEW else _number(value)
                exemplar = _exemplar(cell.marks) if form.exemplars and family.type == "counter" and cell.marks else ""
                yield f"{head}{number}{exemplar}\n"


class _LabelTexts:
    """The labels of an instrument's cells as text, in the order of the cells."""

    def __init__(self, prefix: str, names: tuple[str, ...], extra: Labels) -> None:
        self.names = names
        self._prefix = prefix
        self._extra = extra
        self._texts: list[Any] = []

    def of(self, cells: Sequence[Any]) -> list[Any]:
        """Return the texts of these cells, the first ones of which may be known already."""
        for cell in cells[len(self._texts) :]:
            labels = shown(cell.attributes(), self._extra)
            self._texts.append(_head(self._prefix, labels, self.names) if self._prefix else _split(labels, self.names))
        return self._texts


def _head(full: str, labels: Labels, names: Iterable[str]) -> str:
    text = _label_text(labels, names)
    return f"{full}{{{text}}} " if text else f"{full} "


def _label_text(labels: Labels, names: Iterable[str]) -> str:
    return ",".join([f'{name}="{labels.get(name, "").translate(_ESCAPES_IN_QUOTES)}"' for name in names])


def _split(labels: Labels, names: Sequence[str]) -> tuple[str, str, str]:
    """Return what comes before and after `le` in its place among the sorted names, and all labels without a bound."""
    before = _label_text(labels, [name for name in names if name < "le"])
    after = _label_text(labels, [name for name in names if name > "le"])
    return before and before + ",", after and "," + after, _head("", labels, names)


class _HistogramLines:
    """Writes the lines of histograms that have the same bounds."""

    def __init__(self, name: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._bounds = [f'le="{bound}"' for bound in (*bounds, "+Inf")]
        self._with_sum = not bounds or bounds[0] >= 0

    def lines(
        self, labels: tuple[str, str, str], held: Distribution, marks: dict[int, Mark] | None = None
    ) -> list[str]:
        """Return the lines of one series; no count and sum where a bound is negative, as in prometheus_client."""
        before, after, plain = labels
        start, end = f"{self._name}_bucket{{{before}", f"{after}}} "
        totals = [*accumulate(held.counts)]
        numbers = [f"{total}.0" if total < _FEW else _number(total) for total in totals]
        if marks:
            shown_marks = dict(sorted(marks.copy().items()))
            numbers = [
                number + _exemplar({0: shown_marks[place]}) if place in shown_marks else number
                for place, number in enumerate(numbers)
            ]
        lines = [f"{start}{bound}{end}{number}\n" for bound, number in zip(self._bounds, numbers, strict=True)]
        if self._with_sum:
            lines.append(f"{self._name}_count{plain}{_number(totals[-1])}\n")
            lines.append(f"{self._name}_sum{plain}{_number(held.sum)}\n")
        return lines


def _points(family: Family, full: str, source: PointSource, names: tuple[str, ...]) -> Iterator[str]:
    for point in source.points:
        labels = shown(point.attributes, source.extra)
        if family.type == "histogram":
            held = Distribution(point.bucket_counts, point.sum, point.min, point.max)
            yield from _HistogramLines(family.name, point.explicit_bounds).lines(_split(labels, names), held)
        else:
            yield f"{_head(full, labels, names)}{_number(point.value)}\n"


def _number(value: float) -> str:
    return repr(float(value)) if -1e300 < value < _FEW else str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _exemplar(marks: Mapping[int, Mark]) -> str:
    mark = marks[0]
    ids = [] if mark.span_id is None else [f'span_id="{mark.span_id:016x}"', f'trace_id="{mark.trace_id:032x}"']
    return f" # {{{','.join(ids)}}} {_number(mark.value)} {mark.time_unix_nano / 1e9}"
