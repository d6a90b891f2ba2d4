"""TLS of the endpoint."""

from __future__ import annotations

import ssl


def server_context(cert_file: str, key_file: str, client_ca_file: str) -> ssl.SSLContext:
    """Return a context of TLS 1.2 or newer; with `client_ca_file` a client needs a certificate signed by one of these.

    Raises OSError (ssl.SSLError is one) or ValueError for files that cannot be read, do not belong together, or hold a
    key that needs a passphrase.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # a key with a passphrase would ask for it on the scraper's terminal
    context.load_cert_chain(cert_file, key_file, password=lambda: b"")
    if client_ca_file:
        context.load_verify_locations(client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
