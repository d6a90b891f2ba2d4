"""What the scraper itself does: requests, content, properties, sessions."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.attributes import STATUSES
from phoenix_otel.catalog.metric import Metric

REQUESTS: Final = Metric(
    name="scraper.requests",
    kind="counter",
    unit="{request}",
    description="Requests of the scraper, each counted once however often it was retried",
    attributes=("status", "endpoint", "method"),
    siblings=STATUSES,
)
RESPONSE_TIME: Final = Metric(
    name="scraper.response_time",
    kind="histogram",
    unit="s",
    description="Time from the start of a request to its result, retries included",
    attributes=("endpoint", "status"),
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    bucket_option="response_time_buckets",
)
CONTENT_SIZE: Final = Metric(
    name="scraper.content_size",
    kind="histogram",
    unit="By",
    description="Size of the content that a request brought",
    attributes=("endpoint", "content_type"),
    buckets=(1024, 5120, 10240, 51200, 102400, 512000, 1048576),
    bucket_option="content_size_buckets",
)
PROPERTIES_SCRAPED: Final = Metric(
    name="scraper.properties_scraped",
    kind="counter",
    unit="{property}",
    description="Properties scraped",
    attributes=("zipcode", "status"),
)
ERRORS: Final = Metric(
    name="scraper.errors",
    kind="counter",
    unit="{error}",
    description="Errors that ended a request",
    attributes=("error_type", "endpoint"),
)
SESSION_VALID: Final = Metric(
    name="scraper.session_valid",
    kind="gauge",
    unit="",
    description="1 while the session is valid, 0 once it is not; with several scrapers 1 only if all are valid",
)
SESSION_AGE: Final = Metric(
    name="scraper.session_age",
    kind="gauge",
    unit="s",
    description="Age of the session, computed when read; with several scrapers the oldest",
)
RETRIES: Final = Metric(
    name="scraper.retries",
    kind="counter",
    unit="{retry}",
    description="Retries inside requests",
    attributes=("endpoint", "retry_number"),
)

METRICS: Final = (
    REQUESTS,
    RESPONSE_TIME,
    CONTENT_SIZE,
    PROPERTIES_SCRAPED,
    ERRORS,
    SESSION_VALID,
    SESSION_AGE,
    RETRIES,
)
