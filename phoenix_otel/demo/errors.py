"""The ways in which a page cannot be had."""

from __future__ import annotations

from typing import Final


class ScrapeError(Exception):
    """A page could not be had."""


class RetryableError(ScrapeError):
    """Worth another attempt."""


class ProxyFailedError(RetryableError):
    """The proxy gave no usable answer."""


class NoHealthyProxyError(RetryableError):
    """Every proxy is in cooldown."""


class BlockedError(RetryableError):
    """The site has banned the proxy's address."""


class RateLimitedError(RetryableError):
    """The site wants fewer requests."""


class SessionExpiredError(RetryableError):
    """The site does not know the session any more."""


class SiteUnavailableError(RetryableError):
    """The site has a problem of its own."""


class ListingGoneError(ScrapeError):
    """The listing is no longer offered."""


class ProxyRefusedError(ScrapeError):
    """The proxy does not accept the credentials."""


_ERRORS: Final[dict[int, type[ScrapeError]]] = {
    302: SessionExpiredError,
    401: SessionExpiredError,
    403: BlockedError,
    404: ListingGoneError,
    407: ProxyRefusedError,
    429: RateLimitedError,
    502: ProxyFailedError,
    503: SiteUnavailableError,
}
PROXY_AT_FAULT: Final = (BlockedError, ProxyFailedError, ProxyRefusedError)


def refusal(status: int) -> ScrapeError:
    """The error that an HTTP status other than 200 stands for."""
    return _ERRORS.get(status, SiteUnavailableError)(f"HTTP {status}")
