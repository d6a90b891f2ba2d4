"""Certificates for tests, made anew each time."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files: an authority, a server's certificate for 127.0.0.1, and a client's."""

    ca: str
    server_cert: str
    server_key: str
    client_cert: str
    client_key: str

    def client_context(self, *, certificate: bool = False) -> ssl.SSLContext:
        """Return what a client needs that trusts the authority, and shows its own certificate if asked to."""
        context = ssl.create_default_context(cafile=self.ca)
        if certificate:
            context.load_cert_chain(self.client_cert, self.client_key)
        return context


def issue(folder: Path) -> Certificates:
    """Make an authority, and certificates that it has signed."""
    folder.mkdir(exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, issued in {
        "server": authority.issue_cert("127.0.0.1", "localhost"),
        "client": authority.issue_cert("prometheus@example.org"),
    }.items():
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    names = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")
    return Certificates(*(str(folder / name) for name in names))
