"""Nights of a shop whose products stand on stages: what is published, what moves, and what a swapped picture does."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from catalogs.stages.stage import Stage, StageState
from infra.imaging.codecs import encode_png
from tasks.stages.stage_changes import SceneTerms, StageOffers, answer_stages
from tasks.stages.stage_gate import StageGate
from tests.fixtures import composed_shop as drawn
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.fixtures.stage_scenes import empty_scene

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

ON_STAGE = {"cutters": ["plain-ground"], "mode": "stage", "stages": "shop"}


@pytest.fixture
def shop(tmp_path: Path) -> RefreshHarness:
    """A shop of four photos and no stage yet."""
    (tmp_path / "photos").mkdir()
    for number in range(4):
        (tmp_path / "photos" / f"{number}.png").write_bytes(drawn.product_photo(number))
    rows = [{"sku": f"S{number}", "title": "Mug", "photo": f"photos/{number}.png"} for number in range(4)]
    recipe = STUB_RECIPE | {"photo": ON_STAGE, "finish": {"quality": 97}}
    return RefreshHarness(tmp_path, rows, recipe, {"extends": "default", "photos": {"alone": "PASS"}})


def add(shop: RefreshHarness, name: str, level: int, *, approve: bool = True) -> Stage:
    offers = StageOffers(shop.store, "shop", StageGate(built_in_policy()), SceneTerms("photo", "ann"))
    stage = offers.offer(name, empty_scene(level), {}).stage
    assert stage is not None
    return answer_stages(shop.store, "shop", [name], StageState.APPROVED, "ann")[0] if approve else stage


def test_rows_wait_for_a_stage_stand_on_it_and_leave_it_only_when_they_change(shop: RefreshHarness) -> None:
    waiting = shop.refresh()
    assert waiting.slot_counts() == {"new": 4, "blocked": 4}
    assert waiting.report["reasons"] == {"stage.missing": 4}
    assert any("'shop' has no approved stage" in warning for warning in waiting.report["warnings"])

    oak = add(shop, "oak", 180)
    first = shop.refresh()
    assert first.slot_counts() == {"new": 4, "published": 4}, first.report["reasons"]
    assert {(row["mode"], row["stage"].hex()) for row in first.after.values()} == {("backdrop", oak.sha256)}

    add(shop, "wall", 220)
    again = shop.refresh()
    assert (again.report["slots"]["unchanged"], again.image_counts()) == (4, {"generated": 0, "reused": 0})

    answer_stages(shop.store, "shop", ["oak"], StageState.RETIRED, "ann")
    (shop.folder / "photos" / "0.png").write_bytes(drawn.product_photo(7))
    moved = shop.refresh()
    assert moved.changed == {("S0", "front", 0)}
    assert [row["stage"].hex() == oak.sha256 for row in moved.after.values()].count(True) == 3


def other_picture(_: bytes) -> bytes:
    return encode_png(np.ascontiguousarray(empty_scene(90)))


def torn(picture: bytes) -> bytes:
    return picture[:-20]


def gone(_: bytes) -> None:
    return None


@pytest.mark.parametrize("spoil", [other_picture, torn, gone])
def test_nothing_is_composed_with_another_picture_than_the_stage_s_own_and_adding_it_again_restores_it(
    shop: RefreshHarness, spoil: Callable[[bytes], bytes | None]
) -> None:
    oak = add(shop, "oak", 180)
    key = layout.stage_image(oak.sha256)
    right = shop.store.read(key)
    shop.store.delete([key]) if (wrong := spoil(right)) is None else shop.store.write(key, wrong)
    lost = shop.refresh()
    assert (lost.after, lost.slot_counts(), lost.report["reasons"]) == ({}, {"new": 4, "failed": 4}, {"stage.lost": 4})
    assert add(shop, "oak-again", 180, approve=False) == oak
    assert shop.store.read(key) == right


def test_without_a_stage_a_rule_may_fall_back_to_white_and_takes_the_first_stage_that_is_approved(
    shop: RefreshHarness,
) -> None:
    shop.edit_recipe(photo=ON_STAGE | {"fallback": "white", "least_fill": 0.5})
    white = shop.refresh()
    assert {row["mode"] for row in white.after.values()} == {"white"}, white.report["reasons"]
    add(shop, "oak", 180)
    staged = shop.refresh()
    assert {row["mode"] for row in staged.after.values()} == {"backdrop"}
    assert staged.slot_counts() == {"changed": 4, "published": 4}, staged.report["reasons"]
