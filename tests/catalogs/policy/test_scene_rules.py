"""Which scores say nothing on a stage is data, and every name in it is a score."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.policy.scene_rules import built_in_scene_rules
from catalogs.policy.schema import built_in_policy, load_policy


def test_the_built_in_rules_lift_what_speaks_of_a_white_ground_of_placement_or_of_the_whole_frame() -> None:
    assert set(built_in_scene_rules().not_judged) == {
        "background.white", "background.deviation", "background.cast", "fill.side", "centre.off", "frame.step",
        "collage.halves", "collage.line", "blank.range", "blank.foreground", "black.mean", "black.deviation",
    }  # fmt: skip
    assert all(built_in_scene_rules().not_judged.values()), "each says why"


def test_a_policy_has_the_built_in_ones_and_its_digest_does_not_say_so() -> None:
    policy = built_in_policy()
    assert policy.not_of_scenes == set(built_in_scene_rules().not_judged)
    own = load_policy(
        "extends: default@2\nscenes: {version: 1, not_judged: {background.white: it is a room}}", "own.yaml"
    )
    assert own.not_of_scenes == {"background.white"}
    assert own.digest != policy.digest
    reworded = load_policy("extends: default@2\nscenes: {version: 1, not_judged: {background.white: x}}", "own.yaml")
    assert reworded.digest == own.digest, "a remark decides nothing"
    assert built_in_policy("default@2").digest == policy.digest


def test_a_misspelt_score_is_refused_by_name() -> None:
    with pytest.raises(RuleFileError, match=r"own\.yaml.*not_judged.*'background\.wite' is none of"):
        load_policy("extends: default@2\nscenes: {version: 1, not_judged: {background.wite: x}}", "own.yaml")
