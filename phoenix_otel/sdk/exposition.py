"""Text for Prometheus straight from numbers: text 0.0.4 and OpenMetrics 1.0.

The result is what prometheus_client writes for the same families. The text of a series' labels is made once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from time import sleep
from typing import Any, Final

from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from prometheus_client.utils import floatToGoString

from phoenix_otel.sdk.cells import Mark, Number
from phoenix_otel.sdk.families import CellSource, Families, Family, Labels, PointSource, shown
from phoenix_otel.sdk.instruments import CellInstrument
from phoenix_otel.sdk.names import encodable


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
_VALUES_AT_ONCE: Final = 2_000
_HISTOGRAMS_AT_ONCE: Final = 250
_A_MOMENT: Final = 1e-5
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
        lines: list[str] = []
        for family in families:
            self._write(family, form, lines)
        lines.append(form.end)
        return "".join(lines).encode(), families.unsupported

    def _write(self, family: Family, form: _Format, lines: list[str]) -> None:
        full = family.name + _SUFFIXES.get(family.type, "")
        name = full if form.named_in_full else family.name
        lines.append(f"# HELP {name} {encodable(family.help).translate(form.help_escapes)}\n")
        type_ = _TYPE_IN_TEXT.get(family.type, family.type) if form.named_in_full else family.type
        lines.append(f"# TYPE {name} {type_}\n")
        if form.units and family.unit:
            lines.append(f"# UNIT {name} {family.unit}\n")
        cells = [source.instrument.cells[:] for source in family.sources if isinstance(source, CellSource)]
        names = family.label_names()  # after the cells: it has the names of them all
        for source in family.sources:
            if isinstance(source, PointSource):
                lines += _points(family, full, source, names)
            else:
                self._write_cells(family, full, source, names, cells.pop(0), form, lines)

    def _write_cells(
        self,
        family: Family,
        full: str,
        source: CellSource,
        names: tuple[str, ...],
        cells: Sequence[Any],
        form: _Format,
        lines: list[str],
    ) -> None:
        instrument = source.instrument
        texts = self._remembered.get(instrument)
        if texts is None or texts.names != names:
            prefix = "" if family.type == "histogram" else full
            texts = self._remembered[instrument] = _LabelTexts(prefix, names, source.extra)
        for part in _with_pauses(cells, _HISTOGRAMS_AT_ONCE if family.type == "histogram" else _VALUES_AT_ONCE):
            heads = texts.of(cells, part)
            if family.type == "histogram":
                written = _distributions(family.name, instrument, heads, cells[part], form)
            else:
                written = _values(heads, cells[part], with_exemplars=form.exemplars and family.type == "counter")
            lines.append("".join(written))  # here already: what many lines take is free for the next part


def _with_pauses(cells: Sequence[Any], at_once: int) -> Iterator[slice]:
    """Go through cells part by part; in between let other threads go on, which else wait for the interpreter's turn."""
    for start in range(0, len(cells), at_once):
        if start:
            sleep(_A_MOMENT)
        yield slice(start, start + at_once)


def _values(heads: Sequence[str], cells: Sequence[Any], *, with_exemplars: bool) -> list[str]:
    """Return a line for each cell of a counter or gauge."""
    values = [cell.value for cell in cells]
    numbers = [f"{value}.0" if value.__class__ is int and -_FEW < value < _FEW else _number(value) for value in values]
    if with_exemplars:
        numbers = [
            number + _exemplar(cell.marks[0]) if cell.marks else number
            for number, cell in zip(numbers, cells, strict=True)
        ]
    return [f"{head}{number}\n" for head, number in zip(heads, numbers, strict=True)]


def _distributions(
    name: str, instrument: Any, heads: Sequence[tuple[str, str, str]], cells: Sequence[Any], form: _Format
) -> list[str]:
    """Return the lines of each cell of a histogram."""
    write, lock = _HistogramLines(name, instrument.bounds), instrument.lock
    texts = []
    for head, cell in zip(heads, cells, strict=True):
        with lock:
            counts, total, marks = cell.counts[:], cell.sum, cell.marks
            shown_marks = marks.copy() if marks and form.exemplars else None
        texts.append(write.text(head, counts, total, shown_marks))
    return texts


class _LabelTexts:
    """The labels of an instrument's cells as text, in the order of the cells."""

    def __init__(self, prefix: str, names: tuple[str, ...], extra: Labels) -> None:
        self.names = names
        self._prefix = prefix
        self._extra = extra
        self._texts: list[Any] = []

    def of(self, cells: Sequence[Any], part: slice) -> list[Any]:
        """Return the texts of a part of the cells; parts are asked for one after another."""
        for cell in cells[len(self._texts) : part.stop]:
            labels = shown(cell.attributes(), self._extra)
            self._texts.append(_head(self._prefix, labels, self.names) if self._prefix else _split(labels, self.names))
        return self._texts[part.start : min(part.stop, len(cells))]


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
        self._bucket = f"{name}_bucket{{"
        self._bounds = [f'le="{bound}"' for bound in (*bounds, "+Inf")]
        self._with_sum = not bounds or bounds[0] >= 0

    def text(
        self, labels: tuple[str, str, str], counts: Sequence[int], total: Number, marks: Mapping[int, Mark] | None
    ) -> str:
        """Return the lines of one series; no count and sum where a bound is negative, as in prometheus_client."""
        before, after, plain = labels
        start, end = self._bucket + before, after + "} "
        below = [*accumulate(counts)]
        numbers = [f"{count}.0" for count in below] if below[-1] < _FEW else [_number(count) for count in below]
        all_of_them = numbers[-1]
        if marks:
            for place, mark in marks.items():
                numbers[place] += _exemplar(mark)
        lines = [f"{start}{bound}{end}{number}\n" for bound, number in zip(self._bounds, numbers, strict=True)]
        if self._with_sum:
            lines.append(f"{self._name}_count{plain}{all_of_them}\n{self._name}_sum{plain}{_number(total)}\n")
        return "".join(lines)


def _points(family: Family, full: str, source: PointSource, names: tuple[str, ...]) -> Iterator[str]:
    for point in source.points:
        labels = shown(point.attributes, source.extra)
        if family.type == "histogram":
            write = _HistogramLines(family.name, point.explicit_bounds)
            yield write.text(_split(labels, names), point.bucket_counts, point.sum, None)
        else:
            yield f"{_head(full, labels, names)}{_number(point.value)}\n"


def _number(value: float) -> str:
    return repr(float(value)) if -1e300 < value < _FEW else str(floatToGoString(value))  # type: ignore[no-untyped-call]


def _exemplar(mark: Mark) -> str:
    ids = [] if mark.span_id is None else [f'span_id="{mark.span_id:016x}"', f'trace_id="{mark.trace_id:032x}"']
    return f" # {{{','.join(ids)}}} {_number(mark.value)} {mark.time_unix_nano / 1e9}"
