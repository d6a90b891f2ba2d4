"""Hooks for a scraper class: search_properties_by_zipcode, scrape_property_details and so on, as they are."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from opentelemetry import trace

from phoenix_otel.class_targets import SCRAPER_PARTS, MethodMapping
from phoenix_otel.instrumentation.call_spans import CallSpans
from phoenix_otel.instrumentation.calls import (
    Call,
    Finish,
    Hook,
    Outcome,
    Undo,
    request_in_progress,
    wrap_methods,
)
from phoenix_otel.instrumentation.own_counts import OwnCount
from phoenix_otel.instrumentation.per_instance import PerInstance
from phoenix_otel.instrumentation.rate_limiter import WatchedLimiter
from phoenix_otel.instrumentation.retries import watch_retries
from phoenix_otel.instrumentation.trackers import ScraperTracker
from phoenix_otel.recorders import MetricsCollector

_OUTSIDE_A_REQUEST: Final = "scraper"
_UNKNOWN_ZIPCODE: Final = "unknown"
_ZIPCODE_KEYS: Final = ("zipcode", "zip_code", "zip", "postal_code")

_DEFAULTS: Final[Mapping[str, MethodMapping]] = MappingProxyType(
    {part: MethodMapping(part) for part in SCRAPER_PARTS if part != "request"}
    | {
        "search_properties_by_zipcode": MethodMapping(
            "search_properties_by_zipcode", endpoint="search", zipcode="zipcode"
        ),
        "scrape_property_details": MethodMapping(
            "scrape_property_details", endpoint="property_details", size="raw_html"
        ),
    }
)
"""The methods by the names that they have unless configuration says otherwise, and what is read from each."""


class WatchedScraper(ScraperTracker):
    """One scraper object: its session, and its own counts of retries, rate limits and properties."""

    def __init__(self, collector: MetricsCollector) -> None:
        super().__init__(collector)
        self.retries = OwnCount("retries")
        self.rate_limited = OwnCount("rate_limited")
        self.properties = OwnCount("properties_scraped")
        self.in_flight = 0

    def begin(self, scraper: Any) -> None:
        """Note where the scraper's own counts stand before a call."""
        self.in_flight += 1
        for count in (self.retries, self.rate_limited, self.properties):
            count.kept(scraper)

    def end(self, scraper: Any, endpoint: str) -> None:
        """Record what the scraper counted during a call and no hook saw."""
        self.in_flight -= 1
        for number in range(1, self.retries.missing(scraper) + 1):
            self.retries.seen()
            self.track_retry(endpoint, number)
        for _ in range(self.rate_limited.missing(scraper)):
            self.rate_limited.seen()
            self.collector.rate_limit.record_rate_limit_hit(endpoint, "server", None)

    def claim_properties(self, scraper: Any, zipcodes: list[str], rest: str = _UNKNOWN_ZIPCODE) -> None:
        """Record the properties that the scraper has counted, under the zipcodes that this call brought."""
        for zipcode in zipcodes[: self.properties.missing(scraper)]:
            self._property(zipcode)
        if self.in_flight == 0:  # nobody else is left to claim the rest
            for _ in range(self.properties.missing(scraper)):
                self._property(rest)

    def _property(self, zipcode: str) -> None:
        self.properties.seen()
        self.collector.scraper.record_property_scraped(zipcode)


class ScraperHooks:
    """Puts hooks on scraper classes; the scrapers of one collector are told apart by object."""

    def __init__(self, collector: MetricsCollector, limiters: PerInstance[WatchedLimiter], spans: CallSpans) -> None:
        self._collector = collector
        self._limiters = limiters
        self._spans = spans
        self._scrapers: PerInstance[WatchedScraper] = PerInstance(lambda _: WatchedScraper(collector))
        self._starts: Mapping[str, Callable[[MethodMapping, int, Call], Finish]] = {
            "request": partial(self._request, self._content),
            "search_properties_by_zipcode": partial(self._request, self._found),
            "scrape_property_details": partial(self._request, self._details),
            "scrape_properties_batch": self._batch,
            "maintain_session": self._session,
            "handle_rate_limit": self._rate_limit,
        }

    def instrument(self, cls: type, methods: Mapping[str, MethodMapping] = MappingProxyType({})) -> Undo:
        """Wrap the known methods that the class has, and `methods`, which have other names; return what undoes it."""
        undo_retries = watch_retries(cls, self._note_retry, self._collector.guard)
        mappings = {**_DEFAULTS, **{name: _complete(name, mapping) for name, mapping in methods.items()}}
        hooks = {name: self._hook(cls, name, mapping) for name, mapping in mappings.items()}
        undo_methods = wrap_methods(cls, hooks, self._collector.guard, self._spans)

        def undo() -> None:
            undo_methods()
            undo_retries()

        return undo

    def _hook(self, cls: type, name: str, mapping: MethodMapping) -> Hook:
        start = partial(self._starts[mapping.part], mapping, _position(cls, name, mapping.zipcode))
        return Hook(mapping.part, start, mapping.endpoint or "", tag=self._scrapers.of)

    def _enter(self, call: Call) -> WatchedScraper:
        watched: WatchedScraper = call.tag
        self._collector.watch_loop()
        limiter = getattr(call.instance, "rate_limiter", None)
        if limiter is not None:
            self._limiters.of(limiter).observe()
        return watched

    def _request(
        self,
        on_result: Callable[[WatchedScraper, Call, Any, str | None, MethodMapping], None],
        mapping: MethodMapping,
        position: int,
        call: Call,
    ) -> Finish:
        watched = self._enter(call)
        watched.begin(call.instance)
        zipcode = str(call.argument(position, mapping.zipcode)) if mapping.zipcode else None

        def finish(outcome: Outcome) -> None:
            watched.track_finished_request(call.endpoint, outcome.seconds, outcome.error)
            watched.end(call.instance, call.endpoint)
            if outcome.error is None:
                on_result(watched, call, outcome.result, zipcode, mapping)
            else:
                watched.claim_properties(call.instance, [])

        return finish

    def _found(
        self, watched: WatchedScraper, call: Call, result: Any, zipcode: str | None, mapping: MethodMapping
    ) -> None:
        """Count a search's properties, unless the scraper counts them itself, and not in its searches."""
        self._measure(watched, call, result, mapping)
        wanted = zipcode or _UNKNOWN_ZIPCODE
        zipcodes = [wanted] * (len(result) if isinstance(result, list | tuple) else 0)
        if not watched.properties.kept(call.instance):
            for found in zipcodes:
                self._collector.scraper.record_property_scraped(found)
            return
        counted_here = watched.properties.missing(call.instance) >= len(zipcodes)
        watched.claim_properties(call.instance, zipcodes if counted_here else [], rest=wanted)

    def _details(
        self, watched: WatchedScraper, call: Call, result: Any, zipcode: str | None, mapping: MethodMapping
    ) -> None:
        self._measure(watched, call, result, mapping)
        watched.claim_properties(call.instance, [zipcode or _zipcode(result)])

    def _content(
        self, watched: WatchedScraper, call: Call, result: Any, zipcode: str | None, mapping: MethodMapping
    ) -> None:
        self._measure(watched, call, result, mapping)
        watched.claim_properties(call.instance, [], rest=zipcode or _UNKNOWN_ZIPCODE)

    def _measure(self, watched: WatchedScraper, call: Call, result: Any, mapping: MethodMapping) -> None:
        if mapping.size is None:
            return
        content = result.get(mapping.size) if mapping.size and isinstance(result, Mapping) else result
        if isinstance(content, str | bytes):
            size = len(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
            watched.track_content_size(size, call.endpoint, "html")

    def _batch(self, mapping: MethodMapping, position: int, call: Call) -> Finish:
        """Count nothing but what the scraper counts at the end of a batch: its pages are counted one by one."""
        watched = self._enter(call)
        watched.begin(call.instance)

        def finish(outcome: Outcome) -> None:
            watched.end(call.instance, mapping.endpoint or _DEFAULTS["scrape_property_details"].endpoint or "")
            results: Iterable[Any] = outcome.result if isinstance(outcome.result, list | tuple) else ()
            watched.claim_properties(call.instance, [_zipcode(result) for result in results])

        return finish

    def _session(self, mapping: MethodMapping, position: int, call: Call) -> Finish:
        watched = self._enter(call)
        return lambda outcome: watched.track_session_status(bool(outcome.result) and outcome.error is None)

    def _rate_limit(self, mapping: MethodMapping, position: int, call: Call) -> Finish:
        watched = self._enter(call)
        watched.rate_limited.kept(call.instance)
        watched.rate_limited.seen()
        request = request_in_progress()
        endpoint = request.endpoint if request is not None else _OUTSIDE_A_REQUEST
        return lambda outcome: watched.track_rate_limit(endpoint, "server", outcome.seconds)

    def _note_retry(self, number: int) -> None:
        request = request_in_progress()
        if request is not None and isinstance(request.tag, WatchedScraper):
            request.attempt = number + 1
            request.tag.retries.seen()
            request.tag.track_retry(request.endpoint, number)
            trace.get_current_span().set_attribute("scraper.attempt", request.attempt)


def _complete(name: str, mapping: MethodMapping) -> MethodMapping:
    """Fill in what a mapping leaves out: what its part has by default, a plain request's name for its endpoint."""
    default = _DEFAULTS.get(mapping.part, MethodMapping(mapping.part, endpoint=name))
    given = {key: value for key, value in dataclasses.asdict(mapping).items() if value is not None}
    return dataclasses.replace(default, **given)


def _position(cls: type, name: str, argument: str | None) -> int:
    """Return where a method takes the argument of this name, counted without self; 0 if it has none of that name."""
    try:
        names = list(inspect.signature(getattr(cls, name)).parameters)[1:]
        return names.index(argument or "")
    except (AttributeError, TypeError, ValueError):
        return 0


def _zipcode(result: Any) -> str:
    """Return the zipcode that a property's data tells, at its top or in its address."""
    places = (result, result.get("address")) if isinstance(result, Mapping) else ()
    found = (place[key] for place in places if isinstance(place, Mapping) for key in _ZIPCODE_KEYS if place.get(key))
    return str(next(found, _UNKNOWN_ZIPCODE))
