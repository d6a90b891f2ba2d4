"""Secrets out of URLs, proxy definitions and error texts. Pure functions; what they return is safe to show anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

REDACTED: Final = "REDACTED"

_LONGEST_ADDRESS: Final = 512

# a part of a name that tells of a secret wherever it stands: mongoPassword, x-api-key, secret_key_id
_TELLING: Final = (
    r"password|passwd|passphrase|secret|token|(?:api|access|private)[_-]?key|authorization|credential|signature"
    r"|sess(?:ion)?[_-]?id|csrf|xsrf"
)
# one that is a part of harmless names as well: compass, author, sessions
_TELLING_ALONE: Final = r"(?<![a-z]) (?: pass | pwd | auth | session | sid ) (?![a-z])"
_QUOTED: Final = r"""b?" (?:[^"\\]|\\.)* (?:"|\Z) | b?' (?:[^'\\]|\\.)* (?:'|\Z)"""


def _pair(not_after: str, ahead: str = "") -> re.Pattern[str]:
    return re.compile(
        rf"""(?ix) ( (?<!{not_after}) [\w-]{{0,64}}? (?: (?:{_TELLING}) [\w-]{{0,32}} | {_TELLING_ALONE} ) ) {ahead}
        (\\* ["']? \s* [:=] \s* \\*)
        ( (?:basic|bearer|digest|negotiate|ntlm) \s+ [^\s"']+ | {_QUOTED} | [^\s,;&"')}}\]]+ )"""
    )


_SECRET_PAIR: Final = _pair(r"[\w-]")
# with space before the value: where a URL ends with the name, it has to be seen before that URL is cleaned
_SPACED_PAIR: Final = _pair(r"[\w/-]", ahead=r"(?= \S{1,4} \s )")
_COOKIES: Final = re.compile(r"""(?i)\b((?:set-)?cookie\\*["']?\s*[:=]\s*b?\\*["']?)[^"'\r\n]+""")
_SCHEME_AND_TOKEN: Final = re.compile(
    r"""\b((?i:basic|bearer|digest|negotiate)\s+)(?=[^\s"',;)}\]]*[A-Z0-9=+/])[^\s"',;)}\]]{6,}"""
)
_JSON_WEB_TOKEN: Final = re.compile(r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?")
_URL: Final = re.compile(r"""(?i)((?:[a-z][a-z0-9+.-]{0,30}:)?//)([^\s"'<>]+)""")
_BOUNDARY: Final = r"""\s"'=,(<\[{;|"""
_USERINFO_WITHOUT_SCHEME: Final = re.compile(
    rf"""(?<![^{_BOUNDARY}])[^/@:{_BOUNDARY}]{{1,128}}:(?!//)[^\s"'<>]{{0,256}}@(?=[\w\[.-])"""
)
_ADDRESS: Final = (
    r"(?:(?:[\w-]{1,63}\.){1,8}[\w-]{1,63}|\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z][\w-]{0,62}(?=:\d\d)):\d{1,5}(?!\w)"
)
_CREDENTIALS_AFTER: Final = re.compile(rf"""(?<![\w.-])({_ADDRESS}):[^\s:/@"',]{{1,128}}:[^\s"',)]{{1,256}}""")
_CREDENTIALS_BEFORE: Final = re.compile(
    rf"""(?<![^{_BOUNDARY}])[^:/@{_BOUNDARY}]{{1,128}}:[^\s:/@"',]{{1,256}}:({_ADDRESS})"""
)
_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]@?#]+)(:\d{1,5})?")
_QUERY_PART: Final = re.compile(r"([\w.%\[\]-]{1,64}=)?[^&]*")
_PATH_PARAMETER: Final = re.compile(r"(;[^/;=]*=)[^/;]*")


def text(value: str) -> str:
    """Return `value` without the secrets in it.

    Those are userinfo, query values and fragments of URLs, credentials beside host and port, cookies, tokens, and what
    stands behind a name such as `password=`.
    """
    if "//" in value:
        value = _SPACED_PAIR.sub(rf"\1\g<2>{REDACTED}", _COOKIES.sub(rf"\1{REDACTED}", value))
        value = _URL.sub(lambda match: match[1] + _without_secrets(match[2]), value)
    if ":" in value or "=" in value:
        value = _USERINFO_WITHOUT_SCHEME.sub("", value)
        value = _CREDENTIALS_BEFORE.sub(r"\1", _CREDENTIALS_AFTER.sub(r"\1", value))
        value = _SECRET_PAIR.sub(rf"\1\g<2>{REDACTED}", _COOKIES.sub(rf"\1{REDACTED}", value))
    if " " in value:
        value = _SCHEME_AND_TOKEN.sub(rf"\1{REDACTED}", value)
    return _JSON_WEB_TOKEN.sub(REDACTED, value) if "eyJ" in value else value


def url(value: str) -> str:
    """Return a URL without userinfo, query values and fragment."""
    scheme, separator, rest = value.partition("://")
    return scheme + separator + _without_secrets(rest) if separator else text(value)


def proxy_id(proxy: object) -> str:
    """Return host:port of a proxy, written as mapping, URL, user:password@host:port or host:port:user:password."""
    if isinstance(proxy, Mapping):
        host, port = proxy.get("host", ""), proxy.get("port", "")
        return proxy_id((f"{host}:{port}" if port not in ("", None) else str(host))[:_LONGEST_ADDRESS])
    written = str(proxy).rpartition("://")[2]
    fields = written.split(":")
    if len(fields) == 4 and "@" not in written and not written.startswith("["):
        written = _host_port_of_four(fields)
    match = _HOST_PORT.match(written.rpartition("@")[2])
    return match[0] if match else text(written)


def _host_port_of_four(fields: list[str]) -> str:
    """Pick host:port out of the two four-field notations that proxy lists come in."""
    first, last = fields[:2], fields[2:]
    host_is_last = last[1].isdigit() and (not first[1].isdigit() or ("." in last[0] and "." not in first[0]))
    return ":".join(last if host_is_last else first)


def _without_secrets(rest: str) -> str:
    """Clean what follows `//`: userinfo, query values and fragment of a URL, and of one that stands inside it."""
    cleaned = "//".join(_without_userinfo(piece) for piece in _without_userinfo(rest).split("//"))
    address, question_mark, query = cleaned.partition("#")[0].partition("?")
    shown = _PATH_PARAMETER.sub(rf"\1{REDACTED}", address)
    return shown + question_mark + _QUERY_PART.sub(lambda part: (part[1] or "") + REDACTED if part[0] else "", query)


def _without_userinfo(rest: str) -> str:
    """Leave userinfo out, even where its password holds a slash that no URL may have."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return authority.rpartition("@")[2] + rest[len(authority) :]
    if "@" in rest and not _HOST_PORT.fullmatch(authority):
        return rest.rpartition("@")[2]
    return rest
