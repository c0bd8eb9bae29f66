"""Shop brand changes: list which brands a shop sells, and record what a person says of them.

Inputs: an open store, a catalogue, brands, a reason. Outputs: plain values for the command line. A change is the next
numbered fact; runs that began before it keep theirs, and the next refresh judges again what waits because of a brand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catalogs.errors import OptionError
from catalogs.policy.brands.shop_brands import NO_SHOP_BRANDS, ShopBrands, changed_by_person
from catalogs.policy.schema import Policy
from flows.wiring.open_store import prepare_for_writing
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.amendments.takedowns import find_policy_in_force
from tasks.runs.release_history import require_history
from tasks.runs.shop_brand_records import ShopBrandRecords


def list_shop_brands(store: ObjectStore, tables: TableStore, catalogue: str) -> dict[str, Any]:
    """Return the facts, the newest first, whether the policy in force asks for them, and the brands that it knows.

    Raises `OptionError` for a catalogue that nobody refreshed yet.
    """
    policy = _policy_in_force(store, tables, catalogue)
    return {
        "catalogue": catalogue,
        "asked": policy.brands.own == "shop",
        "facts": [fact.document() for fact in ShopBrandRecords(store, catalogue).read_all()],
        "known": sorted(policy.brands.known_brands),
    }


@dataclass(frozen=True)
class ShopBrandsChange:
    """What a person says of a shop's brands: those that it sells, those that it sells no more, why, and who says it."""

    add: Sequence[str]
    remove: Sequence[str]
    reason: str
    person: str


def change_shop_brands(
    store: ObjectStore, tables: TableStore, catalogue: str, change: ShopBrandsChange, settings: Settings
) -> dict[str, Any]:
    """Record that the shop sells some brands, and others no more; return the newest fact and whether it is new.

    Raises `OptionError` without a reason, for a brand that the policy in force does not know, and where that policy
    does not ask which brands the shop sells.
    """
    policy = _policy_in_force(store, tables, catalogue)
    if not change.reason.strip():
        raise OptionError("--reason: say why; the answer is kept with the fact")
    if policy.brands.own != "shop":
        raise OptionError(
            f"The policy in force in {catalogue!r} does not ask which brands the shop sells; one with"
            " `brands: {own: shop}` does, such as default@2"
        )
    prepare_for_writing(store, tables, settings)

    def next_fact(current: ShopBrands) -> ShopBrands | None:
        sold, refused = changed_by_person(current, change.add, change.remove, policy.brands.known_brands)
        if (sold, refused) == (current.sold, current.refused):
            return None
        return ShopBrands(current.number, sold, refused, change.person, store.now(), change.reason)

    records = ShopBrandRecords(store, catalogue)
    fact = records.append(next_fact)
    newest = fact or records.newest() or NO_SHOP_BRANDS
    return {"catalogue": catalogue, "changed": fact is not None, **newest.document()}


def _policy_in_force(store: ObjectStore, tables: TableStore, catalogue: str) -> Policy:
    policy = find_policy_in_force(store, catalogue, require_history(tables, catalogue, store))
    if policy is None:
        raise OptionError(f"No policy is recorded in {catalogue!r} yet; the next refresh records the first one")
    return policy
