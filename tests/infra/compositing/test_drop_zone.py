"""Empty scenes are told from those in which something stands, whatever lines run through them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.stages.stage_rules import built_in_stage_rules, judge_scene
from infra.compositing.drop_zone import drop_zone, measure_drop_zone
from infra.compositing.product_placement import PixelBox, PlacementRule
from infra.interfaces import Pixels
from infra.nano.drawing.scenes import GROUNDS, draw_scene

RULE = PlacementRule(fill=0.6, least_fill=0.3, centre=0.5, foot=0.82)
SIZE = (1024, 1024)


def scene(ground: str, product: str = "", seed: int = 0) -> Pixels:
    return draw_scene(ground, SIZE, np.random.default_rng(seed), product).pixels


def judged(pixels: Pixels) -> tuple[str, tuple[str, ...]]:
    verdict = judge_scene(measure_drop_zone(pixels, RULE), built_in_stage_rules()).verdict
    return verdict.decision, verdict.reasons


@pytest.mark.parametrize("ground", GROUNDS)
def test_an_empty_ground_passes_with_its_horizon_corner_grain_seams_and_veins(ground: str) -> None:
    assert judged(scene(ground)) == ("PASS", ())
    assert measure_drop_zone(scene(ground), RULE)["zone.object"] == 0


PRODUCTS = ("mug", "lamp", "chair", "ring", "book", "hat", "phone")


@pytest.mark.parametrize(("ground", "product"), list(zip(GROUNDS, PRODUCTS, strict=True)))
def test_a_product_in_the_zone_is_found_on_every_ground(ground: str, product: str) -> None:
    decision, reasons = judged(scene(ground, product, seed=3))
    assert decision == "BLOCK"
    assert "stage.zone-occupied" in reasons


def test_what_stands_beside_the_zone_is_no_fault() -> None:
    pixels = scene("sweep")
    cv2.circle(pixels, (90, 850), 60, (30, 80, 40), -1)
    assert judged(pixels) == ("PASS", ())
    cv2.circle(pixels, (400, 700), 60, (30, 80, 40), -1)
    assert judged(pixels)[0] == "BLOCK"


def test_an_object_is_measured_as_its_share_of_the_zone_at_every_size() -> None:
    for side in (512, 1024, 2048):
        pixels = np.full((side, side, 3), 200, np.uint8)
        cv2.rectangle(pixels, (round(0.4 * side), round(0.4 * side)), (round(0.6 * side), round(0.6 * side)), 0, -1)
        assert measure_drop_zone(pixels, RULE)["zone.object"] == pytest.approx(0.04 / 0.36, abs=0.02)


def test_a_ground_between_veins_is_no_object_and_a_painted_field_is() -> None:
    pixels = np.full((*SIZE, 3), 220, np.uint8)
    cv2.ellipse(pixels, (512, 550), (150, 120), 0, 0, 360, (150, 150, 150), 3)
    assert measure_drop_zone(pixels, RULE)["zone.object"] == 0
    cv2.ellipse(pixels, (512, 550), (150, 120), 0, 0, 360, (190, 150, 150), -1)
    assert measure_drop_zone(pixels, RULE)["zone.object"] > 0.1


def checked_cloth() -> Pixels:
    cells = (np.indices(SIZE) // 24).sum(axis=0) % 2
    cloth = np.repeat(np.where(cells, 210, 140).astype(np.uint8)[..., None], 3, axis=2)
    return np.asarray(cv2.GaussianBlur(cloth, (0, 0), 3), np.uint8)


def test_a_pattern_that_is_everywhere_is_no_object_and_what_stands_on_it_is() -> None:
    cloth = checked_cloth()
    assert measure_drop_zone(cloth, RULE)["zone.object"] == 0
    cv2.circle(cloth, (512, 650), 150, (170, 20, 30), -1)
    assert measure_drop_zone(cloth, RULE)["zone.object"] > 0.1


def test_the_foot_is_measured_for_its_light() -> None:
    scores = measure_drop_zone(np.full((*SIZE, 3), 255, np.uint8), RULE)
    assert (scores["foot.level"], scores["foot.clipped"]) == (255, 1)
    assert judged(np.full((*SIZE, 3), 12, np.uint8)) == ("REVIEW", ("stage.foot-dark",))
    assert judged(np.full((*SIZE, 3), 255, np.uint8)) == ("REVIEW", ("stage.foot-clipped",))


def test_sharpness_is_that_of_edges_and_absent_on_a_plain_ground() -> None:
    assert "scene.sharpness" not in measure_drop_zone(scene("paper"), RULE)
    sharp = np.full((*SIZE, 3), 220, np.uint8)
    sharp[600:] = 90
    soft = cv2.GaussianBlur(sharp, (0, 0), 8)
    assert measure_drop_zone(sharp, RULE)["scene.sharpness"] > 7
    assert judged(np.asarray(soft, np.uint8)) == ("REVIEW", ("stage.blurred",))


def test_a_scene_that_is_too_small_is_refused() -> None:
    assert judged(scene("paper")[:500]) == ("BLOCK", ("stage.too-small",))


def test_the_zone_is_where_products_of_the_fill_stand() -> None:
    assert drop_zone(1000, 500, RULE) == PixelBox(200, 110, 600, 300)
    with pytest.raises(ValueError, match="has no foot"):
        drop_zone(1000, 500, PlacementRule())


@given(
    width=st.integers(1, 3000), height=st.integers(1, 3000), fill=st.floats(0.01, 0.95), foot=st.floats(0.01, 1),
    centre=st.floats(0.01, 0.99),
)  # fmt: skip
def test_a_zone_lies_inside_its_picture(width: int, height: int, fill: float, foot: float, centre: float) -> None:
    fill = min(fill, 2 * min(centre, 1 - centre), foot)
    box = drop_zone(width, height, PlacementRule(fill, fill, centre, foot))
    assert box.right <= width
    assert box.bottom <= height


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_picture_of_any_size_is_measured(width: int, height: int) -> None:
    scores = measure_drop_zone(np.full((height, width, 3), 120, np.uint8), RULE)
    assert all(np.isfinite(list(scores.values())))
