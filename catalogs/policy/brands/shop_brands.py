"""Shop's brands: the brands that a shop sells, a numbered fact of its store, and how full runs learn them.

Inputs: the brands that rows name, and what a person says. Outputs: `ShopBrands`, to and from the JSON document that the
store keeps. A brand that several different titles name as the goods' own is sold there. Facts are numbered from 1 and
never changed; a run decides by the highest number at its start and keeps a copy, so neither the order of rows nor what
a partial run reads moves a verdict. Invariant: learning only adds; what a person removed is never learned again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalogs.errors import OptionError
from catalogs.keys import digest

MIN_TITLES = 3
"""Different titles that have to name a brand before it counts as sold. Of 72,222 real titles of six shops 0.26 % wait
with 3, 0.34 % with 10, but 14 % of the smallest shop's 133. One or two are as likely somebody else's mark on goods of
one's own."""

_SECONDS = len("20260301T093000")
LEARNED = "learned"
FIRST_RUN = "first full run"
FULL_RUN = "full run"


@dataclass(frozen=True)
class ShopBrands:
    """The brands that a shop sells, as one numbered fact.

    `sold` is brand -> where that is known from, `refused` what a person removed. `run_id` is the run that learned it;
    empty where a person changed it.
    """

    number: int
    sold: Mapping[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    person: str = ""
    at: datetime | None = None
    reason: str = ""
    run_id: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the brands that are sold."""
        return frozenset(self.sold)

    @property
    def digest(self) -> str:
        """Return the sha256 of what decides: the brands that are sold."""
        return digest(sorted(self.sold))

    def is_newer_than_run(self, run_id: str | None) -> bool:
        """Tell whether a run, which ids name by the second of its start, judged rows before this was known.

        What a run learned it recorded after it had judged, but for the first fact, which is older than its run. A run
        that began in the second in which a person spoke is judged again rather than left out.
        """
        if self.at is None:
            return False
        started, since = (run_id or "")[:_SECONDS], f"{self.at:%Y%m%dT%H%M%S}"
        is_own = bool(self.run_id) and run_id == self.run_id
        return started < since or is_own or (bool(self.person) and started == since)

    def with_learned(self, learned: Iterable[str]) -> "dict[str, str]":
        """Return what is sold after a full run in which these brands were named often enough."""
        new = {brand: LEARNED for brand in sorted(learned) if brand not in self.refused and brand not in self.sold}
        return {**self.sold, **new}

    def describe(self, learned: Sequence[str]) -> dict[str, Any]:
        """Return what a plan and a report say: the fact's number, what is sold, and what later runs will know too."""
        return {"number": self.number, "sold": sorted(self.sold), "learned": list(learned)}

    def document(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "number": self.number,
            "sold": dict(sorted(self.sold.items())),
            "refused": sorted(self.refused),
            "who": self.person,
            "when": self.at.isoformat() if self.at is not None else None,
            "why": self.reason,
            "run_id": self.run_id,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ShopBrands":
        """Return the fact of a document. Raises `ValueError`, `TypeError` or `LookupError` where it is none."""
        return cls(
            number=int(document["number"]),
            sold={str(brand): str(origin) for brand, origin in document["sold"].items()},
            refused=frozenset(map(str, document["refused"])),
            person=str(document["who"]),
            at=datetime.fromisoformat(document["when"]) if document["when"] else None,
            reason=str(document["why"]),
            run_id=str(document["run_id"]),
        )


NO_SHOP_BRANDS = ShopBrands(0)
"""What is known of a catalogue before its first full run: nothing is its own."""


class SoldBrandCounter:
    """Counts the titles that name each brand, and tells which brands are sold. Memory: a few hashes a brand."""

    def __init__(self) -> None:
        self._titles: dict[str, set[int]] = defaultdict(set)

    def add(self, title: str, brands: Set[str]) -> None:
        """Count one row by its title; variants of one product have the same, and count once."""
        for brand in brands:
            titles = self._titles[brand]
            if len(titles) < MIN_TITLES:
                titles.add(hash(title))

    @property
    def sold(self) -> list[str]:
        """Return the brands that enough different titles name, sorted."""
        return sorted(brand for brand, titles in self._titles.items() if len(titles) >= MIN_TITLES)


def changed_by_person(
    current: ShopBrands, add: Iterable[str], remove: Iterable[str], known: Set[str]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return what is sold and what is refused after a person's change.

    Raises `OptionError` for a brand that the policy in force does not know, which would change nothing.
    """
    by_name = {brand.casefold(): brand for brand in known}
    added, removed = ([_known_brand(name, by_name) for name in names] for names in (add, remove))
    sold = {brand: origin for brand, origin in current.sold.items() if brand not in removed}
    sold |= {brand: "person" for brand in added if brand not in sold}
    return sold, (current.refused | frozenset(removed)) - frozenset(added)


def _known_brand(name: str, by_name: Mapping[str, str]) -> str:
    found = by_name.get(name.strip().casefold())
    if found is None:
        raise OptionError(
            f"BRAND: {name!r} is no brand of the policy in force, so it holds nothing up; `packshot brands list`"
            " prints those that are, and `brands: {names: …}` of a policy adds some"
        )
    return found
