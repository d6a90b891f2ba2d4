"""Records what HTTP clients do."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog import http_client
from phoenix_otel.recorders.instruments import Binding, Instruments

OTHER_HOST: Final = "other"
OTHER_METHOD: Final = "_OTHER"
MOST_HOSTS: Final = 100

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})


class HttpClientRecorder:
    """Requests, bodies, connections and look-ups, by host; hosts beyond the first MOST_HOSTS are one, `other`.

    `status` is the answer's status code, None without an answer; `error_type` is empty unless something failed.
    """

    def __init__(self, instruments: Instruments) -> None:
        self._hosts = instruments.keep(_Hosts())
        self._duration = instruments.histogram(http_client.REQUEST_DURATION)
        self._time_to_body = instruments.histogram(http_client.TIME_TO_BODY)
        self._body_size = instruments.histogram(http_client.RESPONSE_BODY_SIZE)
        self._resends = instruments.counter(http_client.RESENDS)
        self._connections = instruments.counter(http_client.CONNECTIONS)
        self._create_time = instruments.histogram(http_client.CREATE_TIME)
        self._dns_lookup = instruments.histogram(http_client.DNS_LOOKUP_DURATION)
        self._browser_requests = instruments.counter(http_client.BROWSER_REQUESTS)
        self._browser_received = instruments.counter(http_client.BROWSER_RECEIVED)

    def record_request(self, method: str, host: str, status: int | None, error_type: str, seconds: float) -> None:
        """Record one request and the time to its answer's headers, or to its failure."""
        self._duration.record(seconds, _method(method), self._hosts(host), _code(status), error_type)

    def record_body_time(self, method: str, host: str, status: int, error_type: str, seconds: float) -> None:
        """Record the time from sending a request to the end of its answer's body, or to where it broke off."""
        self._time_to_body.record(seconds, _method(method), self._hosts(host), _code(status), error_type)

    def record_body_size(
        self, method: str, host: str, status: int, error_type: str, size_bytes: int, proxy_id: str = ""
    ) -> None:
        """Record how many bytes of a body arrived; `proxy_id` is the proxy they came through, if any."""
        self._body_size.record(size_bytes, _method(method), self._hosts(host), _code(status), error_type, proxy_id)

    def record_resend(self, method: str, host: str, cause: str) -> None:
        """Count one request that the client sent again by itself; `cause` is redirect or retry."""
        self._resends.add(1, _method(method), self._hosts(host), cause)

    def record_connection(self, host: str, proxy_id: str, create_time: float | None) -> None:
        """Count one connection given to a request; `create_time` in seconds, None for one that was reused."""
        host = self._hosts(host)
        self._connections.add(1, host, proxy_id, "true" if create_time is None else "false")
        if create_time is not None:
            self._create_time.record(create_time, host, proxy_id)

    def record_dns_lookup(self, name: str, seconds: float) -> None:
        """Record how long the look-up of a host's name took."""
        self._dns_lookup.record(seconds, self._hosts(name))

    def record_browser_request(self, resource_type: str, host: str, error_type: str) -> None:
        """Count one request of a browser page; `resource_type` is document, image, script and so on."""
        self._browser_requests.add(1, resource_type, self._hosts(host), error_type)

    def record_browser_received(self, resource_type: str, host: str, size_bytes: int) -> None:
        """Count the bytes of a body that a browser page received."""
        self._browser_received.add(size_bytes, resource_type, self._hosts(host))


class _Hosts:
    """The first MOST_HOSTS hosts since the last binding: a crawl may meet any number of them."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def bind(self, _: Binding) -> None:
        """Forget them: the next series start anew."""
        self._seen = {}

    def unbind(self) -> None:
        """Keep them until the next binding."""

    def __call__(self, host: str) -> str:
        """Return the host while there is room for it, else `other`."""
        if len(self._seen) < MOST_HOSTS:
            return self._seen.setdefault(host, host)
        return self._seen.get(host, OTHER_HOST)


def _method(method: str) -> str:
    return method if method in _METHODS else OTHER_METHOD


def _code(status: int | None) -> str:
    return "" if status is None else str(status)
