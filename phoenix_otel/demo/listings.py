"""The listings of the demo's site: seeded data and the HTML it is shown as."""

from __future__ import annotations

import html
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Condition = Literal["ok", "gone", "broken"]

ZIPCODES: Final = ("85001", "85004", "85008", "85016", "85018", "85033", "85099")
WITHOUT_LISTINGS: Final = frozenset({"85099"})
_FAULTY: Final[dict[str, Condition]] = {"85004": "gone", "85016": "broken", "85033": "gone"}
_LISTINGS_PER_ZIPCODE: Final = (5, 9)

_STREETS: Final = ("Camelback Rd", "Peña Blvd", "Cañón Dr", "Indian School Rd", "Thomas Rd", "Ocotillo Way")
_SENTENCES: Final = (
    "Desert-modern home with a shaded patio and mature citrus trees.",
    "Renovated kitchen, quartz counters, 2½ baths and a split floor plan.",
    "Mountain views from the casita, minutes from the light rail.",
    "New roof in 2023; the owner's suite opens onto the pool.",
)


@dataclass(frozen=True, slots=True)
class Listing:
    """One property; latency is how long its page takes, in seconds."""

    id: str
    zipcode: str
    address: str
    price: int
    bedrooms: int
    square_feet: int
    sentences: int
    latency: float
    condition: Condition

    @property
    def path(self) -> str:
        """Where the site shows the listing."""
        return f"/property/{self.id}"


def make_listings(seed: int, *, faults: bool) -> dict[str, list[Listing]]:
    """The listings of each zipcode; the same seed gives the same ones."""
    chance = random.Random(seed)  # noqa: S311  reproducible data, not a secret
    return {
        zipcode: [_make_listing(chance, zipcode, number, faults) for number in range(_how_many(chance, zipcode))]
        for zipcode in ZIPCODES
    }


def _how_many(chance: random.Random, zipcode: str) -> int:
    return 0 if zipcode in WITHOUT_LISTINGS else chance.randint(*_LISTINGS_PER_ZIPCODE)


def _make_listing(chance: random.Random, zipcode: str, number: int, faults: bool) -> Listing:
    return Listing(
        id=f"{zipcode}-{number:02d}",
        zipcode=zipcode,
        address=f"{chance.randint(100, 9999)} {chance.choice(_STREETS)}",
        price=chance.randrange(180_000, 1_900_000, 5_000),
        bedrooms=chance.randint(1, 6),
        square_feet=chance.randrange(600, 5_200, 10),
        sentences=int(chance.lognormvariate(4.2, 1.3)) + 1,
        latency=min(chance.lognormvariate(-2.8, 0.7), 0.6),
        condition=_FAULTY.get(zipcode, "ok") if faults and number == 1 else "ok",
    )


def search_page(zipcode: str, listings: Iterable[Listing]) -> str:
    """The HTML page that lists a zipcode's properties."""
    items = "".join(
        f'<li class="listing"><a href="{listing.path}">{html.escape(listing.address)}</a></li>' for listing in listings
    )
    body = f'<ul class="listings">{items}</ul>' if items else '<p class="empty">No listings found.</p>'
    return _page(f"Homes in {zipcode}", body)


def detail_page(listing: Listing) -> str:
    """The HTML page of one property."""
    description = "".join(f"<p>{_SENTENCES[n % len(_SENTENCES)]}</p>" for n in range(listing.sentences))
    facts = "".join(
        f'<dd class="{name}">{value}</dd>'
        for name, value in (
            ("zipcode", listing.zipcode),
            ("price", listing.price),
            ("bedrooms", listing.bedrooms),
            ("square-feet", listing.square_feet),
        )
    )
    heading = f'<h1 class="address">{html.escape(listing.address)}</h1>'
    return _page(listing.address, f"{heading}<dl>{facts}</dl><article>{description}</article>")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title></head><body>{body}</body></html>"
    )
