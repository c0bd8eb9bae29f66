"""A JPEG keeps the means of a ground's blocks, and another stage does not."""

import itertools

import numpy as np
import pytest

from infra.compositing.ground_loss import GroundLimits, GroundLoss, bound_ground_loss
from infra.imaging.codecs import decode
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters
from infra.testing.block_watermark import BlockWatermark
from tests.fixtures.drawn_stages import drawn_stage

SIDE = 256
NOTHING = np.zeros((SIDE, SIDE), np.uint8)


@pytest.mark.parametrize("grain", [0, 1.5, 8, 20])
@pytest.mark.parametrize("quality", [60, 90])
def test_a_jpeg_and_a_watermark_stay_within_the_limits(grain: float, quality: int) -> None:
    stage = drawn_stage(1, SIDE, SIDE, grain)
    parameters = FinishParameters(quality=quality, watermark="blocks-1")
    marked = finish(stage, parameters, lambda pixels: BlockWatermark().embed(pixels, bytes(range(8))), NOTHING, "stage")
    loss = bound_ground_loss(stage, NOTHING, decode(marked))
    assert loss is not None
    assert 0.1 < loss.mean < 3
    assert GroundLimits().are_kept_by(loss)


def test_other_stages_do_not() -> None:
    stages = [drawn_stage(seed, SIDE, SIDE) for seed in range(12)]
    losses = [bound_ground_loss(one, NOTHING, other) for one, other in itertools.combinations(stages, 2)]
    assert all(loss is not None and loss.mean > 15 and not GroundLimits().are_kept_by(loss) for loss in losses)


def test_a_change_of_an_eighth_of_the_ground_is_found_and_one_under_the_product_is_not() -> None:
    stage, alpha = drawn_stage(1, SIDE, SIDE), NOTHING.copy()
    alpha[100:180, 60:180] = 1
    changed = stage.copy()
    changed[:32] = changed[:32] - 30
    loss = bound_ground_loss(stage, alpha, changed)
    assert loss is not None
    assert (loss.p90 > 8, GroundLimits().are_kept_by(loss)) == (True, False)
    hidden = stage.copy()
    hidden[100:180, 60:180] = 0
    assert bound_ground_loss(stage, alpha, hidden) == GroundLoss(0.0, 0.0)


def test_the_worst_channel_of_a_blocks_mean_counts() -> None:
    ground = np.full((8, 16, 3), 100, np.uint8)
    other = ground.copy()
    other[:, 8:, 1] = 132
    loss = bound_ground_loss(ground, np.zeros((8, 16), np.uint8), other)
    assert loss is not None
    assert (loss.mean, loss.p90) == (16.0, pytest.approx(28.8))


def test_without_a_block_of_ground_alone_or_of_another_size_nothing_is_said() -> None:
    stage = drawn_stage(1, SIDE, SIDE)
    assert bound_ground_loss(stage, np.ones((SIDE, SIDE), np.uint8), stage) is None
    assert bound_ground_loss(stage[:7], NOTHING[:7], stage[:7]) is None
    assert bound_ground_loss(stage, NOTHING, stage[1:]) is None
