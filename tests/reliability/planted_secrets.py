"""Texts with a secret in them, in the ways that scrapers, proxies, clients and databases write it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import aiohttp
import httpx
from pymongo.errors import ConfigurationError, OperationFailure, ServerSelectionTimeoutError

MARK: Final = "zqSECRETqz"
"""What no output may contain, nor its base64."""


class Words(NamedTuple):
    """What a text is made of; `secret` contains MARK."""

    user: str
    secret: str
    host: str
    port: int

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


Write = Callable[[Words], str]


def basic(words: Words) -> str:
    """Return what basic auth makes of user and secret."""
    return base64.b64encode(f"{words.user}:{words.secret}".encode()).decode()


def _plain(secret: str) -> str:
    return re.sub(r"[^\w-]", "", secret)


def _definition(words: Words) -> dict[str, object]:
    return {"host": words.host, "port": words.port, "type": "http", "username": words.user, "password": words.secret}


IN_USERINFO: Final[Mapping[str, Write]] = {
    **{
        f"{scheme} URL": lambda w, scheme=scheme: f"{scheme}://{w.user}:{w.secret}@{w.address}/path?page=2"  # type: ignore[misc]
        for scheme in ("http", "HTTPS", "socks5", "mongodb", "mongodb+srv", "redis", "ftp")
    },
    "URL without user": lambda w: f"redis://:{w.secret}@{w.address}/0",
    "URL with a token for user": lambda w: f"https://{w.secret}@{w.address}/repository.git",
    "Mongo URI of a replica set": lambda w: (
        f"mongodb://{w.user}:{w.secret}@{w.address},other.example:27018/db?replicaSet=rs0&authSource=admin"
    ),
    "user:password@host:port": lambda w: f"{w.user}:{w.secret}@{w.address}",
    "URL without scheme": lambda w: f"//{w.user}:{w.secret}@{w.address}/",
    "URL in a URL": lambda w: f"https://archive.example/web/http://{w.user}:{w.secret}@{w.address}/",
    "URL in a query": lambda w: f"https://relay.example/?http://{w.user}:{w.secret}@{w.address}/?page=2",
    "mapping of proxies": lambda w: str({"http": f"http://{w.user}:{w.secret}@{w.address}", "https": None}),
}
"""Where any character may stand in a password that no whitespace, quote or bracket is."""

IN_FIELDS: Final[Mapping[str, Write]] = {
    "host:port:user:password": lambda w: f"{w.address}:{w.user}:{w.secret}",
    "user:password:host:port": lambda w: f"{w.user}:{w.secret}:{w.address}",
    "name:port:user:password": lambda w: f"proxy:{1000 + w.port % 9000}:{w.user}:{w.secret}",
    "definition cut in its password": lambda w: f"{{'host': 'h', 'password': '{w.secret}",
    "query": lambda w: f"https://{w.address}/listings?token={w.secret}&page=2",
    "query without a name": lambda w: f"https://{w.address}/listings?{w.secret}",
    "unknown name in a query": lambda w: f"GET https://{w.address}/listings?x={w.secret} failed",
    "fragment": lambda w: f"https://{w.address}/callback#access_token={w.secret}&state=1",
    "session in a path": lambda w: f"https://{w.address}/listings;jsessionid={w.secret}?page=2",
    **{
        f"{name}=": lambda w, name=name: f"login with {name}={w.secret} failed"  # type: ignore[misc]
        for name in (
            *("password", "passwd", "pwd", "pass", "secret", "token", "api_key", "apikey", "API-KEY", "client_secret"),
            *("proxyPassword", "PROXY_PASS", "mongo_password", "accessToken", "x-api-key", "secret_key", "private_key"),
            *("csrftoken", "auth", "session", "sessionid", "PHPSESSID", "credential", "passphrase", "signature"),
        )
    },
    "proxy definition": lambda w: str(_definition(w)),
    "proxy definition in JSON": lambda w: json.dumps(_definition(w)),
    "proxy definition in compact JSON": lambda w: json.dumps(_definition(w), separators=(",", ":")),
    "proxy of Playwright": lambda w: f"launch(proxy={{'server': 'http://{w.address}', 'password': '{w.secret}'}})",
    "object": lambda w: f"Proxy(host={w.host!r}, port={w.port}, password={w.secret!r})",
    "basic auth of aiohttp": lambda w: f"BasicAuth(login={w.user!r}, password={w.secret!r}, encoding='latin1')",
    "basic header": lambda w: f"Proxy-Authorization: Basic {basic(w)}",
    "basic header in a mapping": lambda w: str({"Proxy-Authorization": f"Basic {basic(w)}"}),
    "basic header in bytes": lambda w: repr(f"Proxy-Authorization: Basic {basic(w)}\r\n".encode()),
    "raw headers": lambda w: repr(((b"Host", b"a"), (b"Proxy-Authorization", f"Basic {basic(w)}".encode()))),
    "bearer header": lambda w: f"Authorization: Bearer {w.secret}",
    "bearer token alone": lambda w: f"refused: Bearer {_plain(w.secret)}1",
    "cookie": lambda w: f"Cookie: theme=dark; visitor={w.secret}; page=2",
    "set-cookie": lambda w: f"Set-Cookie: visitor={w.secret}; Path=/; HttpOnly",
    "cookie in a mapping": lambda w: str({"Cookie": f"a=b; visitor={w.secret}", "Accept": "*/*"}),
    "JSON web token": lambda w: f"expired: eyJhbGciOiJIUzI1NiJ9.{_plain(w.secret)}.c2lnbmF0dXJl",
}
"""Where a password of letters, digits and marks stands that separates nothing there."""

EXCEPTIONS: Final[Mapping[str, Callable[[str, Words], Exception]]] = {
    "of Python": lambda text, w: ValueError(text),
    "with several arguments": lambda text, w: OSError(111, "connection refused", text),
    "of aiohttp": lambda text, w: aiohttp.InvalidURL(text),
    "of httpx": lambda text, w: httpx.ProxyError(f"407 from {text}"),
    "of pymongo": lambda text, w: ConfigurationError(f"cannot parse {text}"),
    "a failed authentication": lambda text, w: OperationFailure(
        "Authentication failed.", 18, {"ok": 0.0, "errmsg": f"for {text}", "codeName": "AuthenticationFailed"}
    ),
    "of a server selection": lambda text, w: ServerSelectionTimeoutError(
        f"{w.address}: timed out, Timeout: 0.5s, Topology Description: <[{text}]>"
    ),
}


def given_away(shown: str, words: Words) -> bool:
    """Tell whether a text shows the secret, plainly or as basic auth encodes it."""
    return MARK in shown or basic(words)[:-4] in shown
