"""What scrapers and proxy managers report: by hand, or by the hooks on their classes."""

from __future__ import annotations

from phoenix_otel.recorders import MetricsCollector
from phoenix_otel.recorders.timing import Timing, outcome


class ScraperTracker:
    """Reports one scraper's requests, sessions, retries, content and rate limits."""

    def __init__(self, collector: MetricsCollector) -> None:
        self.collector = collector

    def track_request(self, endpoint: str, zipcode: str | None = None, method: str = "GET") -> Timing:
        """Count and time a block as one request, by `with` or `async with`; failed, and an error, if it raises.

        `zipcode` says what the request was for; properties are counted by record_property_scraped, not here.
        """
        self.collector.watch_loop()
        return Timing(lambda seconds, error: self.track_finished_request(endpoint, seconds, error, method))

    def track_finished_request(
        self, endpoint: str, seconds: float, error: BaseException | None, method: str = "GET"
    ) -> None:
        """Count a request that took `seconds` and ended with `error`, or well."""
        scraper = self.collector.scraper
        status = outcome(error)
        scraper.record_request(status, endpoint, method)
        scraper.record_response_time(seconds, endpoint, status)
        if error is not None:
            scraper.record_error(type(error).__name__, endpoint)

    def track_session_start(self) -> None:
        """Say that a new session has begun: valid, age 0."""
        self.collector.scraper.set_session_status(True, 0.0, source=self)

    def track_session_status(self, is_valid: bool, session_age: float | None = None) -> None:
        """Say whether the session is valid, and its age in seconds if it is known."""
        self.collector.scraper.set_session_status(is_valid, session_age, source=self)

    def track_retry(self, endpoint: str, retry_number: int = 1) -> None:
        """Count one retry; 1 is the first of a request."""
        self.collector.scraper.record_retry(endpoint, retry_number)

    def track_content_size(self, size_bytes: int, endpoint: str, content_type: str = "html") -> None:
        """Record the size of what a request brought, in bytes."""
        self.collector.scraper.record_content_size(size_bytes, endpoint, content_type)

    def track_rate_limit(self, endpoint: str, limit_type: str, wait_time: float) -> None:
        """Count one hit of a rate limit and the seconds that it makes us wait."""
        self.collector.rate_limit.record_rate_limit_hit(endpoint, limit_type, wait_time)

    def update_rate_limit_stats(self, endpoint: str, current_rate: float, remaining: float) -> None:
        """Set the requests made and left in the rate limiter's current window."""
        self.collector.rate_limit.set_current_rate(endpoint, current_rate)
        self.collector.rate_limit.set_limit_remaining(endpoint, remaining)


class ProxyTracker:
    """Reports one proxy pool's counts, requests, health checks and rotations."""

    def __init__(self, collector: MetricsCollector) -> None:
        self.collector = collector

    def update_proxy_counts(self, total: int, healthy: int) -> None:
        """Set this pool's proxies and how many of them are healthy; several pools add up."""
        self.collector.proxy.set_proxy_counts(total, healthy, source=self)

    def track_proxy_request(self, proxy_id: str, status: str) -> None:
        """Count one request through a proxy; `status` is success or failed."""
        self.collector.proxy.record_proxy_request(proxy_id, status)

    def track_proxy_health_check(self, proxy_id: str, duration: float, success: bool, reason: str = "") -> None:
        """Record one health check, in seconds, and its failure."""
        self.collector.proxy.record_health_check(proxy_id, duration, success, reason)

    def track_proxy_rotation(self) -> None:
        """Count one proxy handed out."""
        self.collector.proxy.record_rotation()

    def track_proxy_response_time(self, proxy_id: str, duration: float) -> None:
        """Record how long an answer took through a proxy, in seconds."""
        self.collector.proxy.record_proxy_response_time(proxy_id, duration)
