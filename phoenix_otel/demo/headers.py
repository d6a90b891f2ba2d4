"""The HTTP headers that the parts of the demo share."""

from __future__ import annotations

import base64
from typing import Final

CALL_ID: Final = "X-Call-Id"
ATTEMPT: Final = "X-Attempt"
PROXY_AUTHORIZATION: Final = "Proxy-Authorization"

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def basic_auth(username: str, password: str) -> str:
    """The value of an Authorization or Proxy-Authorization header, scheme Basic."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
