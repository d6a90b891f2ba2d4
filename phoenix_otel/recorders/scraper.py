"""Records what the scraper does."""

from __future__ import annotations

from phoenix_otel.catalog import scraper
from phoenix_otel.recorders.instruments import Instruments
from phoenix_otel.recorders.timing import Timing, outcome


class ScraperRecorder:
    """Requests, content, properties, errors, retries and sessions of a scraper."""

    def __init__(self, instruments: Instruments) -> None:
        self._requests = instruments.counter(scraper.REQUESTS)
        self._response_time = instruments.histogram(scraper.RESPONSE_TIME)
        self._content_size = instruments.histogram(scraper.CONTENT_SIZE)
        self._properties = instruments.counter(scraper.PROPERTIES_SCRAPED)
        self._errors = instruments.counter(scraper.ERRORS)
        self._retries = instruments.counter(scraper.RETRIES)
        self._session_valid = instruments.observable(scraper.SESSION_VALID, combine=min)
        self._session_age = instruments.observable(scraper.SESSION_AGE, combine=max)

    def record_request(self, status: str, endpoint: str, method: str = "GET") -> None:
        """Count one request; `status` is success or failed."""
        self._requests.add(1, status, endpoint, method)

    def record_response_time(self, duration: float, endpoint: str, status: str) -> None:
        """Record how long a request took, in seconds."""
        self._response_time.record(duration, endpoint, status)

    def record_content_size(self, size_bytes: int, endpoint: str, content_type: str = "html") -> None:
        """Record the size of the content that a request brought, in bytes."""
        self._content_size.record(size_bytes, endpoint, content_type)

    def record_property_scraped(self, zipcode: str, status: str = "success") -> None:
        """Count one property; `status` is success or failed."""
        self._properties.add(1, zipcode, status)

    def record_error(self, error_type: str, endpoint: str) -> None:
        """Count one error that ended a request; `error_type` is the exception's class name."""
        self._errors.add(1, error_type, endpoint)

    def record_retry(self, endpoint: str, retry_number: int) -> None:
        """Count one retry; `retry_number` is 1 for the first retry of a request."""
        self._retries.add(1, endpoint, retry_number)

    def set_session_status(
        self, is_valid: bool, session_age: float | None = None, *, source: object | None = None
    ) -> None:
        """Say whether the session is valid; its age, in seconds, counts on from `session_age`.

        Without `session_age` a session that becomes valid starts at 0, and one that is lost has no age any more.
        `source` tells several scrapers apart: the gauge is 1 only if all are valid, the age is the oldest one's.
        """
        self._session_valid.set(1 if is_valid else 0, source=source)
        if session_age is not None:
            self._session_age.set_clock(session_age, source=source)
        elif not is_valid:
            self._session_age.clear(source=source)
        elif not self._session_age.has(source=source):
            self._session_age.set_clock(0, source=source)

    def time_request(self, endpoint: str) -> Timing:
        """Time a block, by `with` or `async with`, and record it as response time; failed if it raises."""
        return Timing(lambda seconds, error: self.record_response_time(seconds, endpoint, outcome(error)))
