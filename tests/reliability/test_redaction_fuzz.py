"""A planted secret comes out nowhere, whatever it is written in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phoenix_otel import redaction
from tests.reliability.planted_secrets import EXCEPTIONS, IN_FIELDS, IN_USERINFO, MARK, Words, given_away

EXAMPLES = 30
tried: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def say_what_was_tried() -> Iterator[None]:
    yield
    print(f"\n{tried.total():,} texts with a planted secret in {len(tried)} notations, given away: 0")  # noqa: T201


def words(marks: str) -> st.SearchStrategy[Words]:
    """Make names and a secret that has some of these marks around it."""
    around = st.text(f"aZ09{marks}", max_size=6)
    return st.builds(
        Words,
        user=st.text("aZ0_.-", min_size=1, max_size=8).filter(lambda name: name[0].isalpha()),
        secret=st.builds(lambda before, after: f"{before}{MARK}{after}", around, around),
        host=st.sampled_from(["proxy.example", "10.20.0.1", "a.b-c.example.org"]),
        port=st.integers(1, 65535),
    )


before = st.sampled_from(["", " ", "failed: ", "GET ", "('", '"', "<", "x=1, ", "\n", "via ", "["])
after = st.sampled_from(["", " ", "'", '"', ">", ", x=1", "\n", ")", " (407)"])


@pytest.mark.parametrize("notation", IN_USERINFO)
@settings(max_examples=EXAMPLES)
@given(words("-._~!$&*+,;=%^|:@"), before, after)
def test_no_password_in_userinfo_is_shown(notation: str, planted: Words, before: str, after: str) -> None:
    written = IN_USERINFO[notation](planted)
    shown = redaction.text(f"{before}{written}{after}")
    tried[notation] += 1

    assert not given_away(shown, planted), shown
    assert not given_away(redaction.proxy_id(written), planted)
    assert "://" not in written or not given_away(redaction.url(written), planted)


@pytest.mark.parametrize("notation", IN_FIELDS)
@settings(max_examples=EXAMPLES)
@given(words("-._~!$*+%^|"), before, after)
def test_no_secret_in_a_field_is_shown(notation: str, planted: Words, before: str, after: str) -> None:
    shown = redaction.text(f"{before}{IN_FIELDS[notation](planted)}{after}")
    tried[notation] += 1

    assert not given_away(shown, planted), shown


@pytest.mark.parametrize("kind", EXCEPTIONS)
@settings(max_examples=EXAMPLES)
@given(st.sampled_from([*IN_USERINFO.items(), *IN_FIELDS.items()]), words("-._~"))
def test_no_secret_in_an_exception_is_shown(kind: str, notation: tuple[str, object], planted: Words) -> None:
    write = {**IN_USERINFO, **IN_FIELDS}[notation[0]]
    error = EXCEPTIONS[kind](write(planted), planted)
    tried[f"exception {kind}"] += 1

    assert not given_away(redaction.text(str(error)), planted), redaction.text(str(error))
    assert not given_away(redaction.text(repr(error)), planted), redaction.text(repr(error))
