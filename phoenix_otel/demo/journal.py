"""What the demo's servers write down about each request: the raw material of the ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from phoenix_otel.demo import headers

NO_ANSWER: Final = 0
"""The status of a request whose connection was closed without an answer."""

_ENDPOINTS: Final = {
    "search": "search",
    "property": "property_details",
    "login": "session",
    "health": "health",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as its server saw it; size is the body's, in bytes."""

    call_id: str
    attempt: int
    endpoint: str
    status: int
    zipcode: str = ""
    size: int = 0


def exchange(
    path: str, request_headers: Mapping[str, str], status: int, *, zipcode: str = "", size: int = 0
) -> Exchange:
    """The exchange that a request's path and headers describe; attempt is 0 when the client names none."""
    attempt = request_headers.get(headers.ATTEMPT, "")
    return Exchange(
        call_id=request_headers.get(headers.CALL_ID, ""),
        attempt=int(attempt) if attempt.isdecimal() else 0,
        endpoint=_ENDPOINTS.get(path.strip("/").partition("/")[0], "other"),
        status=status,
        zipcode=zipcode,
        size=size,
    )
