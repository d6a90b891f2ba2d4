"""Planted secrets are in nothing that leaves the scraper's process."""

from __future__ import annotations

import pytest

from tests.zero_code.conftest import SECRETS, Traced
from tests.zero_code.numbers import value


def test_the_secrets_were_used(traced: Traced) -> None:
    """A document's value was in a duplicate key; the passwords opened what they open."""
    metrics = traced.pages["/metrics"]
    assert value(metrics, "database_queries_total", operation="insert", status="failed") > 0
    assert value(metrics, "database_connection_errors_total", error_type="server_unreachable") == 1
    assert value(metrics, "proxy_requests_total", status="success") > 0
    assert traced.receiver.spans
    assert traced.ended.code == 0


@pytest.mark.parametrize("secret", SECRETS)
def test_pages_have_no_secret(traced: Traced, secret: str) -> None:
    assert [path for path, text in traced.pages.items() if not text] == []
    assert [path for path, text in traced.pages.items() if SECRETS[secret] in text] == []


@pytest.mark.parametrize("secret", SECRETS)
def test_logs_have_no_secret(traced: Traced, secret: str) -> None:
    assert SECRETS[secret] not in traced.ended.out + traced.ended.err


@pytest.mark.parametrize("secret", SECRETS)
def test_pushed_spans_and_metrics_have_no_secret(traced: Traced, secret: str) -> None:
    assert [body for body in traced.receiver.bodies if SECRETS[secret].encode() in body] == []
