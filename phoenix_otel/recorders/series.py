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
_UNPRINTABLE: Final = "unprintable"


class Series:
    """The attribute sets of one metric: label values cleaned once, the number of sets bounded."""

    def __init__(self, metric: Metric, guard: Guard) -> None:
        self._metric = metric
        self._guard = guard
        self._cleaners = [_CLEANERS.get(name, _text_label) for name in metric.attributes]
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
        except Exception:  # not seen yet, or a value that cannot be hashed or compared
            return self._first_seen(given)

    def _first_seen(self, given: Labels) -> Attributes:
        cleaned = tuple(_cleaned(clean, value) for clean, value in zip(self._cleaners, given, strict=True))
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
        except Exception:
            return False


def _cleaned(clean: Callable[[Any], str], value: object) -> str:
    """Write a label value without secrets, cut to a sane length, without what UTF-8 cannot carry."""
    try:
        return clean(value)[:_LONGEST_LABEL].encode("utf-8", "replace").decode("utf-8")
    except Exception:
        return _UNPRINTABLE  # an object of the scraper's; its event counts all the same


def _written(value: object) -> str:
    """Return what str() makes of it; cut, for what comes from a page may be megabytes, and cleaning takes time."""
    text = str.__str__(value if isinstance(value, str) else str(value))
    return text[:_LONGEST_CLEANED]


def _text_label(value: object) -> str:
    return redaction.text(_written(value))


def _proxy_label(value: object) -> str:
    return redaction.proxy_id(value if isinstance(value, Mapping) else _written(value))


_CLEANERS: Final[Mapping[str, Callable[[Any], str]]] = {"proxy_id": _proxy_label}


def _small(value: object) -> bool:
    return type(value) is int or (type(value) is str and len(value) <= _LONGEST_LABEL)
