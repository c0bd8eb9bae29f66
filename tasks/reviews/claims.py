"""Claims: who looks at which item now, so that nobody is given what another person has before them.

Inputs: a store, a catalogue, item ids, people's names. Outputs: which items a person got. A claim is one object, made
by a conditional put: of two consoles that want one item, one gets it. It lasts two minutes by the store's clock and is
renewed while the person goes on looking; when a person's machine dies, others get the item after that. Claims are soft:
they keep work apart, and no answer rests on one.

A claim costs one PUT, a listing every few seconds costs one LIST, and what is left over is removed by a sweep.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Lock

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.sequence import ObjectSequence

CLAIM_SECONDS = 120
"""How long a claim lasts: longer than nearly every look, shorter than a coffee."""

_RENEWED_AFTER = timedelta(seconds=CLAIM_SECONDS / 2)
_LIFETIME = timedelta(seconds=CLAIM_SECONDS)


@dataclass(frozen=True)
class Claim:
    """One claim: its number, whose it is (empty where not known), and since when."""

    number: int
    holder: str
    since: datetime

    def is_live(self, now: datetime) -> bool:
        """Tell whether it still lasts."""
        return now < self.since + _LIFETIME


class Claims:
    """The claims of one catalogue, as this process knows them. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, catalogue: str) -> None:
        self._store = store
        self._catalogue = catalogue
        self._claims: dict[str, Claim] = {}
        self._lock = Lock()

    def refresh(self) -> None:
        """Learn what other consoles claimed, by one listing; read whose the new ones are."""
        now = self._store.now()
        listed: dict[str, Claim] = {}
        prefix = layout.review_claims_prefix(self._catalogue)
        for info in self._store.list(prefix):
            item, _, name = info.key.removeprefix(prefix).partition("/")
            number = name.removesuffix(".json")
            if number.isdecimal() and (item not in listed or listed[item].number < int(number)):
                listed[item] = Claim(int(number), "", info.dated)
        new = [(item, claim) for item, claim in listed.items() if claim.is_live(now) and not self._knows(item, claim)]
        holders = concurrent_map(self._store, self._read_holder, new)
        found = {item: Claim(claim.number, who, claim.since) for (item, claim), who in zip(new, holders, strict=True)}
        with self._lock:
            kept = {item: claim for item, claim in self._claims.items() if item in listed or claim.since >= now}
            for item, claim in (listed | found).items():
                if item not in kept or kept[item].number < claim.number:
                    kept[item] = claim
            self._claims = kept

    def holder(self, item: str, now: datetime) -> str | None:
        """Return who has an item now: a name, empty where it is not known, None where nobody has it."""
        claim = self._claims.get(item)
        return claim.holder if claim is not None and claim.is_live(now) else None

    def is_free_for(self, item: str, person: str, now: datetime) -> bool:
        """Tell whether a person may be given an item."""
        return self.holder(item, now) in (None, person)

    def held_by(self, person: str, now: datetime) -> list[str]:
        """Return the items that a person has, those claimed first at first."""
        own = [(claim.since, item) for item, claim in list(self._claims.items()) if self.holder(item, now) == person]
        return [item for _, item in sorted(own)]

    def holders(self, now: datetime) -> set[str]:
        """Return who has an item now."""
        return {claim.holder for claim in list(self._claims.values()) if claim.holder and claim.is_live(now)}

    def take(self, items: Iterable[str], person: str) -> list[str]:
        """Claim items for a person, and return those that the person has now; one PUT each, side by side."""
        return [item for item in concurrent_map(self._store, partial(self._take, person), items) if item is not None]

    def release(self, items: Iterable[str], person: str) -> None:
        """Give items back; a claim that is about to end is left, since another person may be taking it over."""
        now = self._store.now()
        keys = []
        with self._lock:
            for item in items:
                claim = self._claims.get(item)
                if claim is not None and claim.holder == person and now < claim.since + _RENEWED_AFTER:
                    keys += [layout.review_claim(self._catalogue, item, n) for n in range(1, claim.number + 1)]
                    del self._claims[item]
        self._store.delete(keys)

    def _take(self, person: str, item: str) -> str | None:
        now = self._store.now()
        with self._lock:
            before = self._claims.get(item)
            if before is not None and before.is_live(now):
                if before.holder != person:
                    return None
                if now < before.since + _RENEWED_AFTER:
                    return item
            number = before.number + 1 if before is not None else 1
            self._claims[item] = Claim(number, person, now)  # other threads of this process wait for no answer
        document = json.dumps({"person": person, "since": now.isoformat()}).encode()
        if self._sequence(item).claim(number, document, content_type="application/json"):
            return item
        with self._lock:
            self._claims[item] = Claim(number, self._read_holder((item, Claim(number, "", now))), now)
        return item if self._claims[item].holder == person else None

    def _knows(self, item: str, claim: Claim) -> bool:
        known = self._claims.get(item)
        return known is not None and known.number >= claim.number and known.holder != ""

    def _read_holder(self, named: tuple[str, Claim]) -> str:
        item, claim = named
        data = self._store.find(layout.review_claim(self._catalogue, item, claim.number))
        try:
            return str(json.loads(data or b"{}")["person"])
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""

    def _sequence(self, item: str) -> ObjectSequence:
        prefix = f"{layout.review_claims_prefix(self._catalogue)}{item}/"
        return ObjectSequence(self._store, prefix, lambda number: layout.review_claim(self._catalogue, item, number))
