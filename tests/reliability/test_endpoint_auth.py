"""Who may read the endpoint: nothing is shown to anybody else, whatever is asked for."""

from __future__ import annotations

import base64
import json
import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

from phoenix_otel import ConfigError, Telemetry, configure_telemetry
from tests.http import fetch, fetch_tls
from tests.reliability.certificates import Certificates, issue

TOKEN = "planted-token-8c1f"
PASSWORD = "planted-password-77e2: with a colon"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - what is warned about
PATHS = ["/metrics", "/stats", "/health", "/", "/nothing", "/metrics/../etc/passwd"]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n", "utf-8")
    return file


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(PASSWORD, "utf-8")
    return file


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return issue(tmp_path / "certificates")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def status(telemetry: Telemetry, authorization: str, path: str = "/metrics") -> int:
    return fetch(telemetry.url, path, Authorization=authorization).status


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_every_path_and_method_is_401_alike(token_file: Path, path: str, method: str) -> None:
    telemetry = configure_telemetry(port=0, auth_token_file=str(token_file))
    answer = fetch(telemetry.url, path, method)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="phoenix_otel"'
    assert answer.headers["server"] == "phoenix_otel"
    assert answer.text == ("" if method == "HEAD" else "401 Unauthorized\n")


@pytest.mark.parametrize(("path", "expected"), [*((path, 200) for path in PATHS[:4]), ("/nothing", 404)])
def test_with_the_token_everything_is_as_without_one(token_file: Path, path: str, expected: int) -> None:
    telemetry = configure_telemetry(port=0, auth_token_file=str(token_file))

    assert status(telemetry, f"Bearer {TOKEN}", path) == expected
    assert status(telemetry, f"bearer  {TOKEN}", path) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        f"Token {TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        "Bearer \xe9\xff",
        "Bearer " + "x" * 8000,
        basic("", TOKEN),
    ],
)
def test_a_wrong_token_is_401(token_file: Path, wrong: str) -> None:
    telemetry = configure_telemetry(port=0, auth_token_file=str(token_file))

    assert status(telemetry, wrong) == 401


def test_basic_auth_lets_its_user_in_and_nobody_else(password_file: Path) -> None:
    telemetry = configure_telemetry(port=0, basic_auth_user="prometheus", basic_auth_password_file=str(password_file))
    answers = {
        given: status(telemetry, given)
        for given in (
            basic("prometheus", PASSWORD),
            basic("Prometheus", PASSWORD),
            basic("prometheus", PASSWORD + " "),
            basic("prometheus", ""),
            basic("", PASSWORD),
            "Basic not-base64!",
            f"Bearer {PASSWORD}",
        )
    }

    assert list(answers.values()) == [200, 401, 401, 401, 401, 401, 401]
    assert fetch(telemetry.url, "/").headers["www-authenticate"] == 'Basic realm="phoenix_otel"'


def test_with_token_and_password_either_will_do(token_file: Path, password_file: Path) -> None:
    telemetry = configure_telemetry(
        port=0,
        auth_token_file=str(token_file),
        basic_auth_user="me",
        basic_auth_password_file=str(password_file),
    )

    assert status(telemetry, f"Bearer {TOKEN}") == status(telemetry, basic("me", PASSWORD)) == 200
    challenge = 'Bearer realm="phoenix_otel", Basic realm="phoenix_otel"'
    assert fetch(telemetry.url, "/metrics").headers["www-authenticate"] == challenge


def test_a_token_is_exchanged_while_running(token_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    telemetry = configure_telemetry(port=0, auth_token_file=str(token_file))
    new = token_file.with_name("new")
    new.write_text("another-token", "utf-8")
    new.replace(token_file)

    assert status(telemetry, f"Bearer {TOKEN}") == 401
    assert status(telemetry, "Bearer another-token") == 200

    with caplog.at_level(logging.WARNING, "phoenix_otel"):
        token_file.unlink()
        assert [status(telemetry, "Bearer another-token") for _ in range(3)] == [200, 200, 200]
        assert status(telemetry, "Bearer ") == 401
    assert len([record for record in caplog.records if "auth_token_file" in record.getMessage()]) == 1


def test_tls_makes_the_url_https_and_plain_http_is_not_answered(certificates: Certificates) -> None:
    telemetry = configure_telemetry(
        port=0, tls_cert_file=certificates.server_cert, tls_key_file=certificates.server_key
    )
    telemetry.collector.scraper.record_request("success", "search")

    assert telemetry.url.startswith("https://127.0.0.1:")
    answer = fetch_tls(telemetry.url, "/metrics", certificates.client_context())
    assert answer.status == 200
    assert "scraper_requests_total" in answer.text
    with pytest.raises(OSError, match=r"reset|without response|closed"):
        fetch(telemetry.url.replace("https", "http"), "/metrics")
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch_tls(telemetry.url, "/metrics", ssl.create_default_context())
    old = certificates.client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)protocol|alert|reset"):
        fetch_tls(telemetry.url, "/metrics", old)


def test_a_client_needs_a_certificate_of_the_authority(certificates: Certificates, tmp_path: Path) -> None:
    telemetry = configure_telemetry(
        port=0,
        tls_cert_file=certificates.server_cert,
        tls_key_file=certificates.server_key,
        tls_client_ca_file=certificates.ca,
    )
    stranger = ssl.create_default_context(cafile=certificates.ca)
    other = issue(tmp_path / "others")
    stranger.load_cert_chain(other.client_cert, other.client_key)

    assert fetch_tls(telemetry.url, "/metrics", certificates.client_context(certificate=True)).status == 200
    for refused in (certificates.client_context(), stranger):
        with pytest.raises(OSError, match=r"(?i)certificate|alert|reset|closed"):
            fetch_tls(telemetry.url, "/metrics", refused)


def test_a_certificate_is_exchanged_while_running(certificates: Certificates, tmp_path: Path) -> None:
    telemetry = configure_telemetry(
        port=0, tls_cert_file=certificates.server_cert, tls_key_file=certificates.server_key
    )
    other = issue(tmp_path / "others")

    Path(other.server_cert).replace(certificates.server_cert)  # half of it: the old pair stays
    assert fetch_tls(telemetry.url, "/health", certificates.client_context()).status == 200
    Path(other.server_key).replace(certificates.server_key)
    assert fetch_tls(telemetry.url, "/health", other.client_context()).status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch_tls(telemetry.url, "/health", certificates.client_context())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"auth_token_file": "nowhere"},
            "option auth_token_file: 'nowhere' from argument cannot be used (No such file or directory); "
            "allowed: a readable file with one secret in it",
        ),
        (
            {"auth_token_file": "empty"},
            "option auth_token_file: 'empty' from argument cannot be used (the file is empty); "
            "allowed: a readable file with one secret in it",
        ),
        (
            {"basic_auth_user": "me"},
            "option basic_auth_password_file: '' from default is not allowed; "
            "allowed: a value, for basic_auth_user is given",
        ),
        (
            {"basic_auth_user": "a:b"},
            "option basic_auth_user: 'a:b' from argument is not allowed; allowed: a name without colon",
        ),
        (
            {"tls_cert_file": "empty"},
            "option tls_key_file: '' from default is not allowed; allowed: a value, for tls_cert_file is given",
        ),
        (
            {"tls_client_ca_file": "empty"},
            "option tls_cert_file: '' from default is not allowed; allowed: a value, for tls_client_ca_file is given",
        ),
    ],
)
def test_a_wrong_option_is_one_clear_error(options: dict[str, Any], message: str) -> None:
    Path("empty").write_text(" \n", "utf-8")

    with pytest.raises(ConfigError) as caught:
        configure_telemetry(port=0, **options)
    assert str(caught.value) == message


def test_files_that_do_not_belong_together_or_need_a_passphrase_are_an_error(
    certificates: Certificates, tmp_path: Path
) -> None:
    other = issue(tmp_path / "others")
    with pytest.raises(ConfigError, match=r"tls_cert_file, tls_key_file: .* allowed: readable PEM files"):
        configure_telemetry(port=0, tls_cert_file=certificates.server_cert, tls_key_file=other.server_key)

    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(Path(certificates.server_key).read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    Path(certificates.server_key).write_bytes(locked)
    with pytest.raises(ConfigError, match="tls_key_file"):
        configure_telemetry(port=0, tls_cert_file=certificates.server_cert, tls_key_file=certificates.server_key)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_open_endpoint_beyond_loopback_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "phoenix_otel"):
        telemetry = configure_telemetry(port=0, host=ANY_ADDRESS)
    port = telemetry.url.rpartition(":")[2]

    assert warnings_of(caplog) == [
        f"phoenix_otel: everyone who reaches port {port} of {ANY_ADDRESS} can read the endpoint; "
        "set auth_token_file, basic_auth_user or tls_client_ca_file"
    ]


def test_a_token_in_clear_beyond_loopback_is_one_warning(token_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "phoenix_otel"):
        configure_telemetry(port=0, host=ANY_ADDRESS, auth_token_file=str(token_file))

    (warning,) = warnings_of(caplog)
    assert "unencrypted" in warning


def test_a_closed_endpoint_and_loopback_are_no_warning(
    certificates: Certificates, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls: dict[str, Any] = {"tls_cert_file": certificates.server_cert, "tls_key_file": certificates.server_key}
    with caplog.at_level(logging.WARNING, "phoenix_otel"):
        configure_telemetry(port=0, host="127.0.0.1").shutdown()
        configure_telemetry(port=0, host="localhost").shutdown()
        configure_telemetry(port=0, host=ANY_ADDRESS, auth_token_file=str(token_file), **tls).shutdown()
        configure_telemetry(port=0, host=ANY_ADDRESS, tls_client_ca_file=certificates.ca, **tls).shutdown()

    assert warnings_of(caplog) == []


def test_secrets_are_in_no_output(
    token_file: Path, password_file: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        telemetry = configure_telemetry(
            port=0,
            auth_token_file=str(token_file),
            basic_auth_user="me",
            basic_auth_password_file=str(password_file),
            tls_cert_file=certificates.server_cert,
            tls_key_file=certificates.server_key,
        )
        tls = certificates.client_context()
        shown = [fetch_tls(telemetry.url, path, tls, Authorization=f"Bearer {TOKEN}").text for path in PATHS]
        shown += [fetch_tls(telemetry.url, path, tls, Authorization="Bearer x").text for path in PATHS]
        shown += [str(telemetry.config), repr(telemetry.config), json.dumps(telemetry.stats())]
        telemetry.shutdown()

    assert [text for text in (*shown, caplog.text) if TOKEN in text or PASSWORD in text] == []
    assert [text for text in shown if "BEGIN" in text] == []
