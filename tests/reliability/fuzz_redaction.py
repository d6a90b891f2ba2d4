"""Looks for a way to write a secret that redaction lets through: `make fuzz`. Arguments are libFuzzer's."""

from __future__ import annotations

import sys
from typing import Final

import atheris

with atheris.instrument_imports(include=["phoenix_otel.redaction"]):
    from phoenix_otel import redaction
from tests.reliability.planted_secrets import EXCEPTIONS, IN_FIELDS, IN_USERINFO, MARK, Words, given_away

_LETTERS: Final = "abyzABYZ0189"
_NAME: Final = f"{_LETTERS}_.-"
_IN_USERINFO: Final = f"{_LETTERS}-._~!$&*+,;=%^|:@"
_IN_FIELD: Final = f"{_LETTERS}-._~!$*+%^|"
_BEFORE: Final = " '\"=,(<[{\n"
_AFTER: Final = " '\">)\n"
_NOTATIONS: Final = [
    *((write, _IN_USERINFO) for write in IN_USERINFO.values()),
    *((write, _IN_FIELD) for write in IN_FIELDS.values()),
]


def try_one(data: bytes) -> None:
    """Make a text of these bytes; raises AssertionError if its secret is shown."""
    source = atheris.FuzzedDataProvider(data)

    def some(alphabet: str, longest: int) -> str:
        return "".join(alphabet[byte % len(alphabet)] for byte in source.ConsumeBytes(longest))

    write, alphabet = _NOTATIONS[source.ConsumeIntInRange(0, len(_NOTATIONS) - 1)]
    planted = Words(
        user=f"u{some(_NAME, source.ConsumeIntInRange(0, 8))}",
        secret=some(alphabet, source.ConsumeIntInRange(0, 8)) + MARK + some(alphabet, source.ConsumeIntInRange(0, 8)),
        host=f"h{some('abc019-', source.ConsumeIntInRange(0, 6))}.example",
        port=source.ConsumeIntInRange(1, 65_535),
    )
    written = write(planted)
    error = list(EXCEPTIONS.values())[source.ConsumeIntInRange(0, len(EXCEPTIONS) - 1)](written, planted)
    before, after = (marks[source.ConsumeIntInRange(0, len(marks) - 1)] for marks in (_BEFORE, _AFTER))
    before = source.ConsumeUnicodeNoSurrogates(source.ConsumeIntInRange(0, 40)) + before
    after += source.ConsumeUnicodeNoSurrogates(40)
    for shown in (
        redaction.text(f"{before}{written}{after}"),
        redaction.text(str(error)),
        redaction.text(repr(error)),
        redaction.proxy_id(written) if alphabet == _IN_USERINFO else "",
        redaction.url(written) if "://" in written.partition("?")[0] and " " not in written else "",
    ):
        if given_away(shown, planted):
            raise AssertionError(f"{written!r} after {before!r} and before {after!r} is shown as {shown!r}")


def main() -> None:
    """Run libFuzzer."""
    atheris.enabled_hooks.add("RegEx")
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
