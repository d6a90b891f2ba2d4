"""The ways in which a page cannot be had."""

from __future__ import annotations


class SessionExpiredError(Exception): ...


class ListingGoneError(Exception): ...


class RateLimitedError(Exception): ...


class SiteUnavailableError(Exception): ...


class ProxyRefusedError(Exception): ...


class ProxyFailedError(Exception): ...


REFUSALS: dict[int, type[Exception]] = {
    302: SessionExpiredError,
    401: SessionExpiredError,
    404: ListingGoneError,
    407: ProxyRefusedError,
    429: RateLimitedError,
    502: ProxyFailedError,
}
