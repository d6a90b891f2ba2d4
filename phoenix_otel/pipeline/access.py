"""Who may read the endpoint: a bearer token, a password, TLS and client certificates. Secrets come from files alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from phoenix_otel.config import ConfigError, TelemetryConfig
from phoenix_otel.options import not_allowed
from phoenix_otel.pipeline.rotation import Rotating
from phoenix_otel.pipeline.tls import server_context

T = TypeVar("T")

_PAIRS: Final = (
    ("basic_auth_user", "basic_auth_password_file"),
    ("basic_auth_password_file", "basic_auth_user"),
    ("tls_cert_file", "tls_key_file"),
    ("tls_key_file", "tls_cert_file"),
    ("tls_client_ca_file", "tls_cert_file"),
)
"""The first is of no use without the second."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a client has to show. Without credentials and client certificates everyone is let in.

    `credentials` are, by authentication scheme in lower case, what has to follow it in the Authorization header.
    """

    credentials: Mapping[str, Rotating[bytes]] = field(default_factory=dict)
    tls: Rotating[ssl.SSLContext] | None = None
    client_certificates: bool = False

    @property
    def scheme(self) -> str:
        """The scheme of the endpoint's URL."""
        return "http" if self.tls is None else "https"

    def context(self) -> ssl.SSLContext | None:
        """Return the TLS context for a connection that comes now; None for plain HTTP."""
        return None if self.tls is None else self.tls.current()

    def allows(self, authorization: Sequence[str]) -> bool:
        """Tell whether a request with these Authorization headers is let in, in a time that tells nothing."""
        if not self.credentials:
            return True
        scheme, _, given = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        known = self.credentials.get(scheme.lower())
        expected = known.current() if known is not None else secrets.token_bytes()
        # digests: compare_digest tells the length of what it compares
        return hmac.compare_digest(_digest(given.strip().encode("utf-8", "surrogateescape")), _digest(expected))

    def challenge(self) -> str:
        """Return the WWW-Authenticate header that says what is wanted."""
        return ", ".join(f'{scheme.capitalize()} realm="phoenix_otel"' for scheme in self.credentials)

    def warning(self, listening: socket.socket) -> str:
        """Return what is dangerous about listening there; empty if nothing is."""
        address, port = listening.getsockname()[:2]
        if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            return ""
        if not self.credentials and not self.client_certificates:
            wanted = "set auth_token_file, basic_auth_user or tls_client_ca_file"
            return f"everyone who reaches port {port} of {address} can read the endpoint; {wanted}"
        if self.tls is None:
            return f"credentials travel unencrypted to port {port} of {address}; set tls_cert_file and tls_key_file"
        return ""


def build_access(config: TelemetryConfig) -> Access:
    """Read what the options name; raises ConfigError for a file that cannot be used, or an option without its pair."""
    options = config.options
    problems = [
        not_allowed(missing, "", config.sources.get(missing, "default"), f"a value, for {name} is given")
        for name, missing in _PAIRS
        if getattr(options, name) and not getattr(options, missing)
    ]
    if problems:
        raise ConfigError("\n".join(problems))
    credentials = {}
    if token := options.auth_token_file:
        credentials["bearer"] = _rotating(config, ("auth_token_file",), partial(_secret, token))
    if password := options.basic_auth_password_file:
        name = ("basic_auth_password_file",)
        credentials["basic"] = _rotating(config, name, partial(_basic, options.basic_auth_user, password))
    if not options.tls_cert_file:
        return Access(credentials)
    certificate = partial(server_context, options.tls_cert_file, options.tls_key_file, options.tls_client_ca_file)
    names = ("tls_cert_file", "tls_key_file", "tls_client_ca_file")
    return Access(credentials, _rotating(config, names, certificate), bool(options.tls_client_ca_file))


def _rotating(config: TelemetryConfig, names: Sequence[str], make: Callable[[], T]) -> Rotating[T]:
    given = {name: str(getattr(config.options, name)) for name in names if getattr(config.options, name)}
    try:
        return Rotating(", ".join(given), tuple(given.values()), make)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        files = ", ".join(f"{path!r} from {config.sources.get(name, 'default')}" for name, path in given.items())
        what = "readable PEM files that belong together" if len(names) > 1 else "a readable file with one secret in it"
        raise ConfigError(f"option {', '.join(given)}: {files} cannot be used ({reason}); allowed: {what}") from error


def _secret(path: str) -> bytes:
    secret = Path(path).read_bytes().strip()
    if not secret:
        raise ValueError("the file is empty")
    return secret


def _basic(user: str, password_file: str) -> bytes:
    return base64.b64encode(user.encode() + b":" + _secret(password_file))


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
