"""The rehearsal's stages in the repository are the drawn ones, and the gate finds each of them empty."""

import cv2
import numpy as np
import pytest

from catalogs.stages.stage_rules import built_in_stage_rules, judge_scene
from infra.compositing.drop_zone import measure_drop_zone
from infra.compositing.product_placement import PlacementRule
from infra.nano.drawing.rehearsal_stages import FOLDER, draw_rehearsal_stages

DEFAULT_PLACE = PlacementRule(fill=0.6, least_fill=0.3, centre=0.5, foot=0.82)


def test_the_files_are_what_is_drawn() -> None:
    drawn = dict(draw_rehearsal_stages())
    assert sorted(drawn) == sorted(file.name for file in FOLDER.iterdir())
    for name, pixels in drawn.items():
        stored = cv2.imread(str(FOLDER / name))
        assert stored is not None
        assert np.abs(stored[..., ::-1].astype(int) - pixels).mean() < 3, f"{name}: draw it again"


@pytest.mark.parametrize("name", ["boards.jpg", "wall.jpg"])
def test_the_gate_finds_nothing_in_their_drop_zones(name: str) -> None:
    stored = cv2.imread(str(FOLDER / name))
    assert stored is not None
    scores = {**measure_drop_zone(np.ascontiguousarray(stored[..., ::-1]), DEFAULT_PLACE), "text.count": 0.0}
    assert judge_scene(scores, built_in_stage_rules()).verdict.reasons == ()
