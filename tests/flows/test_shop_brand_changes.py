"""Nights of a shop without a brand column: full runs learn what it sells, and move no verdict of the same night."""

import time
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from flows.engines.selection import EngineOpener
from flows.run.dry_run import plan_refresh
from flows.run.observers import NullObserver
from flows.shop_brand_changes import ShopBrandsChange, change_shop_brands, list_shop_brands
from infra.engines import open_engine
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from tasks.runs.shop_brand_records import ShopBrandRecords
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, RefreshResult, Row

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")


class ShopWithSlowNights(RefreshHarness):
    """A shop whose runs begin in different seconds, as real ones do: facts are compared with runs by the second."""

    def refresh(self, opener: EngineOpener = open_engine, **changes: Any) -> RefreshResult:
        """Refresh the shop in a second in which nothing else happened."""
        time.sleep(1.01 - time.time() % 1)
        return super().refresh(opener, **changes)


def titles(brand: str, *kinds: str) -> list[Row]:
    return [{"sku": f"{brand}-{kind}".lower(), "title": f"{brand} {kind}"} for kind in kinds]


@pytest.fixture
def shop(tmp_path: Path) -> RefreshHarness:
    """Return a shop of Nike shoes with one mug of somebody else's, before its first night."""
    rows = [*titles("Nike", "trainers", "sandals", "boots", "socks"), *titles("Disney", "mug")]
    return ShopWithSlowNights(tmp_path, rows, MINIMAL_RECIPE)


def sold(shop: RefreshHarness) -> tuple[int, list[str]]:
    fact = ShopBrandRecords(shop.store, "shop").newest()
    return (fact.number, sorted(fact.sold)) if fact is not None else (0, [])


def change(shop: RefreshHarness, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> dict[str, Any]:
    said = ShopBrandsChange(add, remove, "a licence says so", "ada")
    return change_shop_brands(shop.store, open_tables(shop.url), "shop", said, SETTINGS)


def test_the_first_full_run_learns_before_it_judges_and_keeps_what_it_judged_by(shop: RefreshHarness) -> None:
    dry = plan_refresh(shop.parameters(), SETTINGS)
    assert dry["brands"] == {"number": 1, "sold": ["Nike"], "learned": []}
    assert dry["reasons"] == {"brand.other": 1}
    assert sold(shop) == (0, [])
    night = shop.refresh()
    assert night.slot_counts() == {"new": 5, "published": 4, "review": 1}
    assert sold(shop) == (1, ["Nike"])
    kept = read_json(shop.store, layout.RunFiles(night.report["run_id"]).shop_brands)
    assert (kept["number"], kept["sold"], kept["why"]) == (1, {"Nike": "learned"}, "first full run")
    again = shop.refresh()
    assert (again.prompts_rendered, again.slot_counts()) == (0, {"waiting": 1})
    assert again.report["brands"] == {"number": 1, "sold": ["Nike"], "learned": []}


def test_tonights_rows_teach_the_nights_after_and_move_no_verdict_of_tonight(shop: RefreshHarness) -> None:
    shop.refresh()
    shop.rows += titles("Gucci", "belt", "bag", "scarf")
    night = shop.refresh()
    assert night.slot_counts() == {"new": 3, "review": 3, "waiting": 1}
    assert night.report["brands"] == {"number": 1, "sold": ["Nike"], "learned": ["Gucci"]}
    assert sold(shop) == (2, ["Gucci", "Nike"])
    after = shop.refresh()
    assert len(after.added) == 3
    assert after.report["brands"]["number"] == 2
    assert shop.refresh().prompts_rendered == 0


def test_a_partial_run_teaches_nothing_and_what_it_held_back_is_judged_again(shop: RefreshHarness) -> None:
    part = shop.refresh(scope="partial")
    assert part.slot_counts() == {"new": 5, "review": 5}
    assert part.report["brands"] == {"number": 0, "sold": [], "learned": []}
    assert sold(shop) == (0, [])
    whole = shop.refresh()
    assert len(whole.added) == 4
    assert whole.report["reasons"] == {"brand.other": 1}


def test_the_order_of_partial_and_full_runs_moves_no_verdict(shop: RefreshHarness, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = ShopWithSlowNights(tmp_path / "other", list(reversed(shop.rows)), MINIMAL_RECIPE)
    shop.refresh(scope="partial")
    shop.refresh()
    other.refresh()
    other.refresh(scope="partial")
    assert shop.manifest().keys() == other.manifest().keys()
    assert sold(shop) == sold(other)


def test_a_person_adds_and_removes_brands_and_what_waits_is_judged_by_it(shop: RefreshHarness) -> None:
    with pytest.raises(OptionError, match="has no catalogue"):
        change(shop, add=("Disney",))
    shop.refresh()
    assert change(shop, add=("disney",), remove=("NIKE",))["number"] == 2
    assert change(shop, add=("Disney",))["changed"] is False
    shop.rows += titles("Nike", "cap")
    night = shop.refresh()
    assert night.added == {("disney-mug", "front", 0)}
    assert night.removed == set()  # live images stay
    assert night.slot_counts() == {"new": 2, "published": 1, "review": 1}
    assert sold(shop) == (2, ["Disney"])  # Nike is not learned again, however many rows name it
    listed = list_shop_brands(shop.store, open_tables(shop.url), "shop")
    assert (listed["asked"], [fact["number"] for fact in listed["facts"]]) == (True, [2, 1])
    assert (listed["facts"][0]["who"], listed["facts"][0]["why"]) == ("ada", "a licence says so")
    with pytest.raises(OptionError, match="--reason: say why"):
        change_shop_brands(
            shop.store, open_tables(shop.url), "shop", ShopBrandsChange(("Disney",), (), " ", "ada"), SETTINGS
        )


def test_a_shop_with_the_first_policy_learns_nothing_and_hears_of_the_second(shop: RefreshHarness) -> None:
    first = shop.refresh(policy="default@1")
    assert first.slot_counts() == {"new": 5, "review": 5}
    assert first.report["brands"] is None
    assert sold(shop) == (0, [])
    warnings = shop.refresh().report["warnings"]
    assert any("ships another built-in policy, 'default@2'" in warning for warning in warnings)
    with pytest.raises(OptionError, match="does not ask which brands the shop sells"):
        change(shop, add=("Disney",))
    shop.policy = {"extends": "default@2"}
    shop.apply_policy()
    shop.policy = None
    assert len(shop.refresh().added) == 4


class _Killed(Exception):
    pass


class _KilledAt(NullObserver):
    """Ends a run where it begins a stage."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def on_stage(self, name: str) -> None:
        """End it."""
        if name == self._stage:
            raise _Killed


@pytest.mark.parametrize("stage", ["plan", "generate", "report"])
def test_a_killed_run_is_continued_by_what_it_began_with(
    shop: RefreshHarness, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.refresh.current_observer", lambda: _KilledAt(stage))
    with pytest.raises(_Killed):
        shop.refresh()
    monkeypatch.undo()
    shop.rows += titles("Gucci", "belt", "bag", "scarf") if stage == "plan" else []
    night = shop.refresh()
    assert sold(shop)[1] == (["Gucci", "Nike"] if stage == "plan" else ["Nike"])
    assert set(shop.manifest()) >= {(f"nike-{kind}", "front", 0) for kind in ("trainers", "sandals", "boots", "socks")}
    assert ("disney-mug", "front", 0) not in shop.manifest()
    assert night.report["brands"]["number"] == 1
