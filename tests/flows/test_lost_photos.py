"""Photos that the store has lost cost no image and no person's time; what is said of photos stays with the plan."""

from datetime import timedelta
from pathlib import Path

import pytest

import flows.refresh
import infra.photos.photo_files
from catalogs import layout
from infra.testing.faulty_store import InjectedFault
from tests.fixtures import composed_shop as drawn
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

RESTORED = "2 photos were gone from the store, or damaged there: they were fetched again"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RefreshHarness:
    """A shop of three photos, which one cutter is believed to cut."""
    monkeypatch.setattr(
        infra.photos.photo_files, "SETTLING_TIME", timedelta(0)
    )  # files of a moment ago are known again
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"{number}.png").write_bytes(drawn.product_photo(number))
    rows = [{"sku": f"S{number}", "title": "Mug", "reference_image": f"photos/{number}.png"} for number in range(3)]
    recipe = STUB_RECIPE | {"photo": {"cutters": ["plain-ground"]}}
    return RefreshHarness(tmp_path, rows, recipe, {"extends": "default", "photos": {"alone": "PASS"}})


def sources(shop: RefreshHarness) -> dict[str, bytes]:
    return {info.key: shop.store.read(info.key) for info in shop.store.list(layout.SOURCES)}


def test_a_changed_recipe_fetches_lost_photos_again_and_an_idle_night_looks_for_none(shop: RefreshHarness) -> None:
    first = shop.refresh()
    assert first.report["slots"]["published"] == 3, first.report["reasons"]
    kept = sources(shop)
    gone, damaged, _ = sorted(kept)
    shop.store.delete([gone])
    shop.store.write(damaged, kept[damaged][:-100])
    idle = shop.refresh()
    assert (idle.report["slots"]["unchanged"], idle.report["warnings"]) == (3, [])
    assert len(sources(shop)) == 2
    shop.edit_recipe(photo={"cutters": ["plain-ground"], "least_fill": 0.7})
    anew = shop.refresh()
    assert anew.slot_counts() == {"changed": 3, "published": 3}, anew.report["reasons"]
    assert RESTORED in anew.report["warnings"]
    assert sources(shop) == kept


def test_what_is_said_of_photos_is_said_by_a_run_that_was_killed_after_its_plan_too(
    shop: RefreshHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.rows[2]["reference_image"] = "photos/gone.png"
    with monkeypatch.context() as patch:
        patch.setattr(flows.refresh, "supersede_held_runs", _die)
        with pytest.raises(InjectedFault):
            shop.refresh()
    night = shop.refresh()
    assert night.report["resumed"] is True
    [said] = [warning for warning in night.report["warnings"] if "photo.missing" in warning]
    assert said.startswith("1 × photo.missing: ")
    assert said.endswith("/photos/gone.png' is not there; check its path.")


def _die(*_: object) -> None:
    raise InjectedFault("killed after its plan")
