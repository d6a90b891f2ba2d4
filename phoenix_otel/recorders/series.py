"""From label values as they are given to attributes: cleaned once, bounded in number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from phoenix_otel import redaction
from phoenix_otel._guard import Guard
from phoenix_otel.catalog import Metric

Labels = tuple[object, ...]
Attributes = dict[str, str | bool]

_OVERFLOW: Final[Attributes] = {"otel.metric.overflow": True}
_LONGEST_LABEL: Final = 256
_LONGEST_CLEANED: Final = 2048
_CLEANERS: Final[Mapping[str, Callable[[Any], str]]] = {"proxy_id": redaction.proxy_id}


class Series:
    """The attribute sets of one metric: label values cleaned once, the number of sets bounded."""

    def __init__(self, metric: Metric, guard: Guard) -> None:
        self._metric = metric
        self._guard = guard
        self._cleaners = [_CLEANERS.get(name, _as_text) for name in metric.attributes]
        self.reset(limit=2000)

    def reset(self, limit: int) -> None:
        """Forget every set; `limit` includes the overflow series."""
        self._limit = limit
        self._by_given: dict[Labels, Attributes] = {}
        self._by_clean: dict[tuple[str, ...], Attributes] = {}
        self._overflows = False

    def __len__(self) -> int:
        return len(self._by_clean) + self._overflows

    def attributes(self, given: Labels) -> Attributes:
        """Return the attributes for label values in catalog order, the overflow series once the limit is reached."""
        try:
            return self._by_given[given]
        except (KeyError, TypeError):
            return self._first_seen(given)

    def _first_seen(self, given: Labels) -> Attributes:
        cleaned = tuple(_bounded(clean(value)) for clean, value in zip(self._cleaners, given, strict=True))
        attributes = self._by_clean.get(cleaned)
        if attributes is None:
            if len(self._by_clean) >= self._limit - 1:
                self._guard.refused(
                    self._metric.name, f"more than {self._limit} attribute sets; the rest is one series"
                )
                attributes, self._overflows = _OVERFLOW, True
            else:
                attributes = dict(zip(self._metric.attributes, cleaned, strict=True))
                self._by_clean[cleaned] = attributes
        if len(self._by_given) < 4 * self._limit and all(_small(value) for value in given):
            self._by_given[given] = attributes
        return attributes

    def siblings(self, attributes: Attributes) -> Iterable[Attributes]:
        """Return the sets that differ from `attributes` in status alone and are not known yet; they become known."""
        for status in self._metric.siblings if "status" in attributes else ():
            sibling = {**attributes, "status": status}
            cleaned = tuple(str(value) for value in sibling.values())
            if cleaned not in self._by_clean and len(self._by_clean) < self._limit - 1:
                self._by_clean[cleaned] = sibling
                yield sibling

    def knows(self, given: Labels) -> bool:
        """Tell whether these label values were seen before."""
        try:
            return given in self._by_given
        except TypeError:
            return True


def _as_text(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return redaction.text(text[:_LONGEST_CLEANED])  # what comes from a page may be megabytes, and cleaning takes time


def _bounded(text: str) -> str:
    """Cut a label value to a sane length, and replace what UTF-8 cannot carry."""
    return text[:_LONGEST_LABEL].encode("utf-8", "replace").decode("utf-8")


def _small(value: object) -> bool:
    return type(value) is int or (type(value) is str and len(value) <= _LONGEST_LABEL)
