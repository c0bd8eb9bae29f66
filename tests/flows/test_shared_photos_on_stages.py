"""A shop whose sizes share one photo: each stands on a stage, all are published, and the report names the photo."""

from pathlib import Path

import pytest

from catalogs.policy.schema import built_in_policy
from catalogs.stages.stage import StageState
from tasks.stages.stage_changes import SceneTerms, StageOffers, answer_stages
from tasks.stages.stage_gate import StageGate
from tests.fixtures import composed_shop as drawn
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.fixtures.stage_scenes import empty_scene

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

SIZES = ("XS", "S", "M", "L", "XL")
ON_STAGE = {"cutters": ["plain-ground"], "mode": "stage", "stages": "shop"}


def test_sizes_that_share_a_photo_are_published_on_different_stages_and_named(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "tee.png").write_bytes(drawn.product_photo(0))
    rows = [{"sku": f"TEE-{size}", "title": "Tee", "photo": "photos/tee.png"} for size in SIZES]
    recipe = STUB_RECIPE | {"photo": ON_STAGE, "finish": {"quality": 97}}
    shop = RefreshHarness(tmp_path, rows, recipe, {"extends": "default", "photos": {"alone": "PASS"}})
    for name, level in (("oak", 180), ("wall", 220)):
        offers = StageOffers(shop.store, "shop", StageGate(built_in_policy()), SceneTerms("photo", "ann"))
        assert offers.offer(name, empty_scene(level), {}).stage is not None
        answer_stages(shop.store, "shop", [name], StageState.APPROVED, "ann")
    night = shop.refresh()
    assert night.slot_counts() == {"new": 5, "published": 5}, night.report["reasons"]
    assert len({row["stage"] for row in night.after.values()}) == 2
    assert len({row["photo_sha"] for row in night.after.values()}) == 1
    [note] = night.report["photos"]["notes"]
    assert note.startswith("1 photo is shared by several SKUs")
    assert all(f"TEE-{size}" in note for size in SIZES), note
