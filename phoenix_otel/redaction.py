"""Secrets out of URLs, proxy definitions and error texts. Pure functions; what they return is safe to show anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

REDACTED: Final = "REDACTED"

_TELLING_NAMES: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret|client[_-]?secret|token|(?:access|refresh|auth)[_-]?token|api[_-]?key"
    r"|access[_-]?key|(?:proxy-)?authorization|(?:set-)?cookie|session[_-]?id|signature"
)
_SECRET_PAIR: Final = re.compile(
    rf"""(?ix) (?<![a-z]) ({_TELLING_NAMES}) (["']? \s* [:=] \s*)
    ( (?:basic|bearer|digest) \s+ \S+ | "[^"]*" | '[^']*' | [^\s,;&"')}}\]]+ )"""
)
_URL: Final = re.compile(r"""(?i)\b([a-z][a-z0-9+.-]*://)([^\s"'<>]+)""")
_USERINFO_WITHOUT_SCHEME: Final = re.compile(r"""(?<![^\s"'=,(])[^\s/@:"'=,(]{1,128}:[^\s/"',)]{0,256}@(?=[\w\[.-])""")
_DOTTED_HOST_PORT: Final = r"(?:[\w-]{1,63}\.){1,8}[\w-]{1,63}:\d{1,5}(?!\w)"
_CREDENTIALS_AFTER: Final = re.compile(rf"""(?<![\w.-])({_DOTTED_HOST_PORT}):[^\s:/@"',]{{1,128}}:[^\s"',)]{{1,256}}""")
_CREDENTIALS_BEFORE: Final = re.compile(
    rf"""(?<![^\s"'=,(])[^\s:/@"'=,(]{{1,128}}:[^\s:/@"',]{{1,256}}:({_DOTTED_HOST_PORT})"""
)
_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]@?#]+)(:\d{1,5})?")
_QUERY_VALUE: Final = re.compile(r"=[^&;]*")


def text(value: str) -> str:
    """Return `value` without userinfo and query values of URLs, `user:password@` and the value of `password=`."""
    if ":" not in value and "=" not in value:
        return value
    value = _URL.sub(lambda match: match[1] + _without_secrets(match[2]), value)
    value = _USERINFO_WITHOUT_SCHEME.sub("", value)
    value = _CREDENTIALS_BEFORE.sub(r"\1", _CREDENTIALS_AFTER.sub(r"\1", value))
    return _SECRET_PAIR.sub(rf"\1\g<2>{REDACTED}", value)


def url(value: str) -> str:
    """Return a URL without userinfo, query values and fragment."""
    scheme, separator, rest = value.partition("://")
    return scheme + separator + _without_secrets(rest) if separator else text(value)


def proxy_id(proxy: object) -> str:
    """Return host:port of a proxy, written as mapping, URL, user:password@host:port or host:port:user:password."""
    if isinstance(proxy, Mapping):
        host, port = proxy.get("host", ""), proxy.get("port", "")
        return proxy_id(f"{host}:{port}" if port not in ("", None) else str(host))
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
    """Clean what follows `://`: userinfo goes, even where its password holds a slash that no URL may have."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        rest = authority.rpartition("@")[2] + rest[len(authority) :]
    elif "@" in rest and not _HOST_PORT.fullmatch(authority):
        rest = rest.rpartition("@")[2]
    address, question_mark, query = rest.partition("#")[0].partition("?")
    return address + question_mark + _QUERY_VALUE.sub(f"={REDACTED}", query)
