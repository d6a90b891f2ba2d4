"""No secret comes out, whatever it is written in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix_otel import redaction

SECRET = "s3cr3tPassw0rd"


@pytest.mark.parametrize(
    "written",
    [
        f"http://user:{SECRET}@proxy.example:8080",
        f"http://user:{SECRET}@proxy.example:8080/path",
        f"user:{SECRET}@proxy.example:8080",
        f"proxy.example:8080:user:{SECRET}",
        f"user:{SECRET}:proxy.example:8080",
        f"socks5://user:p@/{SECRET}@proxy.example:8080",
        {"host": "proxy.example", "port": 8080, "type": "http", "username": "user", "password": SECRET},
        {"host": "proxy.example", "port": "8080"},
        "proxy.example:8080",
    ],
)
def test_a_proxy_is_host_and_port(written: Any) -> None:
    assert redaction.proxy_id(written) == "proxy.example:8080"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("10.0.0.1:3128", "10.0.0.1:3128"),
        ("[::1]:3128", "[::1]:3128"),
        ("http://u:p@[2001:db8::1]:80", "[2001:db8::1]:80"),
        ("proxy-7", "proxy-7"),
        ({"host": "h"}, "h"),
        (None, "None"),
    ],
)
def test_other_ways_to_name_a_proxy(written: Any, shown: str) -> None:
    assert redaction.proxy_id(written) == shown


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            f"Cannot connect to http://user:{SECRET}@proxy:80/x?token={SECRET}&page=2#top",
            "Cannot connect to http://proxy:80/x?token=REDACTED&page=REDACTED",
        ),
        (f"mongodb://user:{SECRET}@a:27017,b:27018/db", "mongodb://a:27017,b:27018/db"),
        ("auth failed for user:p@ss@proxy:80", "auth failed for proxy:80"),
        (f"auth failed for user:{SECRET}@proxy:80", "auth failed for proxy:80"),
        (f"via 10.0.0.1:8080:user:{SECRET} (407)", "via 10.0.0.1:8080 (407)"),
        (f"via user:{SECRET}:proxy.example:8080, again", "via proxy.example:8080, again"),
        ("at 12:30:45 on proxy.example:8080", "at 12:30:45 on proxy.example:8080"),
        (f"Proxy-Authorization: Basic {SECRET}", "Proxy-Authorization: REDACTED"),
        (f"{{'host': 'h', 'password': '{SECRET}'}}", "{'host': 'h', 'password': REDACTED}"),
        (f"login with password={SECRET} failed", "login with password=REDACTED failed"),
        ("search", "search"),
        ("KeyError: 'listing'", "KeyError: 'listing'"),
        ("https://site.example/@agent/profile", "https://site.example/@agent/profile"),
    ],
)
def test_texts_lose_their_secrets_and_nothing_else(text: str, clean: str) -> None:
    assert redaction.text(text) == clean


password = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=8).filter(
    lambda text: not any(character in text for character in "@/:?#'\"<>\\[]&;=") and "redacted" not in text.lower()
)
host = st.from_regex(r"[a-z]{3,12}\.[a-z]{2,4}", fullmatch=True)


@given(password, host, st.integers(1, 65535))
def test_a_password_in_a_url_is_never_shown(secret: str, name: str, port: int) -> None:
    written = f"http://user:{secret}@{name}:{port}"

    assert redaction.proxy_id(written) == f"{name}:{port}"
    assert redaction.url(f"{written}/p?key={secret}") == f"http://{name}:{port}/p?key=REDACTED"
    assert redaction.text(f"failed: {written}/p") == f"failed: http://{name}:{port}/p"


@given(st.text())
def test_any_text_comes_through_and_twice_is_once(text: str) -> None:
    once = redaction.text(text)

    assert redaction.text(once) == once
    assert isinstance(redaction.proxy_id(text), str)
