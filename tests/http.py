"""A plain HTTP client for tests, from the standard library, so that what is tested does not test itself."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Answer:
    """Status, headers with lower-case names, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


def fetch(base: str, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
    """Make one request; underscores in header names become dashes."""
    address = urlsplit(base)
    assert address.scheme == "http"
    assert address.hostname is not None
    return _ask(http.client.HTTPConnection(address.hostname, address.port, timeout=20), path, method, headers, body)


def fetch_tls(base: str, path: str, tls: ssl.SSLContext, **headers: str) -> Answer:
    """Make one request over TLS."""
    address = urlsplit(base)
    assert address.scheme == "https"
    assert address.hostname is not None
    connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=20, context=tls)
    return _ask(connection, path, "GET", headers)


def _ask(
    connection: http.client.HTTPConnection, path: str, method: str, headers: Mapping[str, str], body: str | None = None
) -> Answer:
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def families(text: str) -> dict[str, Metric]:
    """Parse the text format; a family that comes twice is an error."""
    found: dict[str, Metric] = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in found, f"{family.name} comes twice"
        found[family.name] = family
    return found


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Parse the text format into values by name and sorted labels; a sample that comes twice is an error."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in families(text).values():
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} comes twice"
            found[key] = sample.value
    return found
