"""Hooks for a scraper class: search_properties_by_zipcode, scrape_property_details and so on, as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from phoenix_otel.instrumentation.calls import Call, Finish, Hook, Outcome, calls_in_progress, wrap_methods
from phoenix_otel.instrumentation.own_counts import OwnCount
from phoenix_otel.instrumentation.per_instance import PerInstance
from phoenix_otel.instrumentation.rate_limiter import WatchedLimiter
from phoenix_otel.instrumentation.retries import watch_retries
from phoenix_otel.instrumentation.trackers import ScraperTracker
from phoenix_otel.recorders import MetricsCollector

SEARCH: Final = "search"
PROPERTY_DETAILS: Final = "property_details"

_OUTSIDE_A_REQUEST: Final = "scraper"
_UNKNOWN_ZIPCODE: Final = "unknown"
_ZIPCODE_KEYS: Final = ("zipcode", "zip_code", "zip", "postal_code")


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

    def __init__(self, collector: MetricsCollector, limiters: PerInstance[WatchedLimiter]) -> None:
        self._collector = collector
        self._limiters = limiters
        self._scrapers: PerInstance[WatchedScraper] = PerInstance(lambda _: WatchedScraper(collector))

    def instrument(self, cls: type) -> None:
        """Wrap what the class has of the known methods; one that it lacks is left alone."""
        watch_retries(cls, self._note_retry, self._collector.guard)
        wrap_methods(cls, self._hooks(), self._collector.guard)

    def _hooks(self) -> Mapping[str, Hook]:
        starts: dict[str, Callable[[Call], Finish]] = {
            "search_properties_by_zipcode": partial(self._request, SEARCH, self._found),
            "scrape_property_details": partial(self._request, PROPERTY_DETAILS, self._details),
            "scrape_properties_batch": self._batch,
            "maintain_session": self._session,
            "handle_rate_limit": self._rate_limit,
        }
        return {name: Hook(start, tag=self._scrapers.of) for name, start in starts.items()}

    def _enter(self, call: Call) -> WatchedScraper:
        watched: WatchedScraper = call.tag
        self._collector.watch_loop()
        limiter = getattr(call.instance, "rate_limiter", None)
        if limiter is not None:
            self._limiters.of(limiter).observe()
        return watched

    def _request(self, endpoint: str, on_result: Callable[[WatchedScraper, Call, Any], None], call: Call) -> Finish:
        watched = self._enter(call)
        watched.begin(call.instance)

        def finish(outcome: Outcome) -> None:
            watched.track_finished_request(endpoint, outcome.seconds, outcome.error)
            watched.end(call.instance, endpoint)
            if outcome.error is None:
                on_result(watched, call, outcome.result)
            else:
                watched.claim_properties(call.instance, [])

        return finish

    def _found(self, watched: WatchedScraper, call: Call, result: Any) -> None:
        """Count a search's properties, unless the scraper counts them itself, and not in its searches."""
        zipcode = str(call.argument(0, "zipcode"))
        zipcodes = [zipcode] * (len(result) if isinstance(result, list | tuple) else 0)
        if not watched.properties.kept(call.instance):
            for found in zipcodes:
                self._collector.scraper.record_property_scraped(found)
            return
        counted_here = watched.properties.missing(call.instance) >= len(zipcodes)
        watched.claim_properties(call.instance, zipcodes if counted_here else [], rest=zipcode)

    def _details(self, watched: WatchedScraper, call: Call, result: Any) -> None:
        content = result.get("raw_html") if isinstance(result, Mapping) else None
        if isinstance(content, str | bytes):
            size = len(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
            watched.track_content_size(size, PROPERTY_DETAILS, "html")
        watched.claim_properties(call.instance, [_zipcode(result)])

    def _batch(self, call: Call) -> Finish:
        """Count nothing but what the scraper counts at the end of a batch: its pages are counted one by one."""
        watched = self._enter(call)
        watched.begin(call.instance)

        def finish(outcome: Outcome) -> None:
            watched.end(call.instance, PROPERTY_DETAILS)
            results: Iterable[Any] = outcome.result if isinstance(outcome.result, list | tuple) else ()
            watched.claim_properties(call.instance, [_zipcode(result) for result in results])

        return finish

    def _session(self, call: Call) -> Finish:
        watched = self._enter(call)
        return lambda outcome: watched.track_session_status(bool(outcome.result) and outcome.error is None)

    def _rate_limit(self, call: Call) -> Finish:
        watched = self._enter(call)
        watched.rate_limited.kept(call.instance)
        watched.rate_limited.seen()
        endpoint = _endpoint_in_progress()
        return lambda outcome: watched.track_rate_limit(endpoint, "server", outcome.seconds)

    def _note_retry(self, number: int) -> None:
        for call in reversed(calls_in_progress()):
            if isinstance(call.tag, WatchedScraper) and call.name in _ENDPOINTS:
                call.tag.retries.seen()
                call.tag.track_retry(_ENDPOINTS[call.name], number)
                return


_ENDPOINTS: Final = {
    "search_properties_by_zipcode": SEARCH,
    "scrape_property_details": PROPERTY_DETAILS,
}


def _endpoint_in_progress() -> str:
    return next(
        (_ENDPOINTS[call.name] for call in reversed(calls_in_progress()) if call.name in _ENDPOINTS), _OUTSIDE_A_REQUEST
    )


def _zipcode(result: Any) -> str:
    """Return the zipcode that a property's data tells, at its top or in its address."""
    places = (result, result.get("address")) if isinstance(result, Mapping) else ()
    found = (place[key] for place in places if isinstance(place, Mapping) for key in _ZIPCODE_KEYS if place.get(key))
    return str(next(found, _UNKNOWN_ZIPCODE))
