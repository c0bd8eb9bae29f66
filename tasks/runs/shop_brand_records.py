"""Shop brand records: which brands a shop sells, numbered and append-only.

Inputs: a store and a catalogue. Outputs: the facts, and the newest one. A fact is one conditional put under the next
number, so of two processes that write at once one is refused and looks again. Facts are small and few, and are kept for
ever: they say who decided what.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from catalogs import layout
from catalogs.errors import PolicyChanged
from catalogs.policy.brands.shop_brands import FULL_RUN, NO_SHOP_BRANDS, ShopBrands
from catalogs.runs.job import RefreshJob, Run
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.json_objects import encode_json, parse_json_object
from infra.stores.sequence import ObjectSequence


@dataclass(frozen=True)
class ShopBrandRecords:
    """The facts which brands the shop of one catalogue sells."""

    store: ObjectStore
    catalogue: str

    def read(self, number: int) -> ShopBrands:
        """Return one fact. Raises `StoreError` where it cannot be read: what the shop sells is not known then."""
        key = layout.shop_brands(self.catalogue, number)
        try:
            return ShopBrands.from_document(parse_json_object(self._sequence.read(number), key))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{key} cannot be read as the brands of a shop ({type(error).__name__});"
                " use the version that wrote it, or a newer one"
            ) from error

    def newest(self) -> ShopBrands | None:
        """Return the fact that counts; None where none was recorded yet."""
        number = self._sequence.latest()
        return self.read(number) if number else None

    def read_all(self) -> list[ShopBrands]:
        """Return every fact, the newest first."""
        return [self.read(number) for number in reversed(self._sequence.numbers())]

    def claim(self, fact: ShopBrands) -> bool:
        """Write a fact; return False where another process took its number first."""
        return self._sequence.claim(fact.number, encode_json(fact.document()), content_type="application/json")

    def append(self, change: Callable[[ShopBrands], ShopBrands | None]) -> ShopBrands | None:
        """Write what `change` makes of the newest fact under the next number; None where it changes nothing."""
        while True:
            current = self.newest() or NO_SHOP_BRANDS
            changed = change(current)
            if changed is None:
                return None
            fact = replace(changed, number=current.number + 1)
            if self.claim(fact):
                return fact

    @property
    def _sequence(self) -> ObjectSequence:
        prefix = layout.shop_brands_prefix(self.catalogue)
        return ObjectSequence(self.store, prefix, lambda number: layout.shop_brands(self.catalogue, number))


def record_first_shop_brands(store: ObjectStore, job: RefreshJob) -> None:
    """Record what the job has learned of a catalogue of which nothing was recorded when it began.

    Raises `PolicyChanged` where another process recorded something else first.
    """
    fact, records = job.shop_brands, ShopBrandRecords(store, job.catalogue)
    if fact.number != 1 or records.claim(fact):  # a fact that is recorded is met again as it is
        return
    raise PolicyChanged(f"Another process recorded the brands of {job.catalogue!r} first; refresh again to use them")


def record_learned_brands(store: ObjectStore, run: Run, learned: list[str]) -> ShopBrands | None:
    """Record the brands that a full run has learned, for later runs; None where it learned none. Safe to repeat."""

    def add(current: ShopBrands) -> ShopBrands | None:
        sold = current.with_learned(learned)
        if sold == current.sold:
            return None
        return replace(current, sold=sold, person="", at=store.now(), reason=FULL_RUN, run_id=run.run_id)

    return ShopBrandRecords(store, run.catalogue).append(add) if learned else None
