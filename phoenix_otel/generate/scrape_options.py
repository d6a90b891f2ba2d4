"""How Prometheus gets in where the scrapers' endpoints are closed. Secrets are named by the file that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from phoenix_otel.generate.section import Problem, Section
from phoenix_otel.options import choices, option, text

_FILE: Final = text(r"|\S(.*\S)?", "the path of a file, as Prometheus sees it")
_TLS: Final = ("ca_file", "cert_file", "key_file", "server_name")


@dataclass(frozen=True, kw_only=True)
class ScrapeOptions(Section):
    """The names of Prometheus's own configuration; what the scraper's options ask for has to be given here."""

    scheme: str = option("http", choices("http", "https"), description="https where scrapers have `tls_cert_file`.")
    credentials_file: str = option("", _FILE, description="File with the bearer token.")
    username: str = option("", text(r"[^:\s]*", "a name without colon"), description="The user of basic auth.")
    password_file: str = option("", _FILE, description="File with that user's password.")
    ca_file: str = option("", _FILE, description="Authority of the scrapers' certificates, unless the system knows it.")
    cert_file: str = option("", _FILE, description="Prometheus's own certificate, for `tls_client_ca_file`.")
    key_file: str = option("", _FILE, description="Its private key.")
    server_name: str = option(
        "", text(r"\S*", "a host name"), description="Name in the certificate, if not the target's."
    )

    def _contradictions(self) -> Iterable[Problem]:
        for name, other in (("username", "password_file"), ("cert_file", "key_file")):
            if bool(getattr(self, name)) != bool(getattr(self, other)):
                yield Problem(other, getattr(self, other), f"given together with {name}")
        if self.credentials_file and self.username:
            yield Problem("username", self.username, "one of username and credentials_file")
        if self.scheme == "http" and any(getattr(self, name) for name in _TLS):
            yield Problem("scheme", self.scheme, f"https, where one of {', '.join(_TLS)} is given")

    def settings(self) -> dict[str, Any]:
        """Return what a scrape configuration gets beside its targets."""
        tls = {name: getattr(self, name) for name in _TLS if getattr(self, name)}
        settings = {
            "scheme": self.scheme if self.scheme != "http" else None,
            "authorization": {"credentials_file": self.credentials_file} if self.credentials_file else None,
            "basic_auth": {"username": self.username, "password_file": self.password_file} if self.username else None,
            "tls_config": tls or None,
        }
        return {name: value for name, value in settings.items() if value is not None}
