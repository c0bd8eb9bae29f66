"""Which scores say nothing on a stage is data, and every name in it is a score."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.policy.scene_rules import built_in_scene_rules
from catalogs.policy.schema import Policy, built_in_policy, load_policy


def test_the_built_in_rules_lift_what_speaks_of_a_white_ground_of_placement_or_of_the_whole_frame() -> None:
    assert set(built_in_scene_rules().not_judged) == {
        "background.white", "background.deviation", "background.cast", "fill.side", "centre.off", "frame.step",
        "collage.halves", "collage.line", "blank.range", "blank.foreground", "black.mean", "black.deviation",
    }  # fmt: skip
    assert all(built_in_scene_rules().not_judged.values()), "each says why"


def test_a_policy_has_the_built_in_ones_and_its_digest_does_not_say_so() -> None:
    policy = built_in_policy()
    assert policy.not_of_scenes == set(built_in_scene_rules().not_judged)
    own = load_policy("extends: default@2\nscenes: {not_judged: {fill.side: null}}", "own.yaml")
    assert own.digest != policy.digest
    reworded = load_policy(
        "extends: default@2\nscenes: {version: 7, not_judged: {fill.side: null, background.white: x}}", "own.yaml"
    )
    assert reworded.digest == own.digest, "a remark decides nothing"
    other = load_policy("extends: default@2\nscenes: {not_judged: {centre.off: null}}", "own.yaml")
    assert other.digest != own.digest
    assert built_in_policy("default@2").digest == policy.digest


@pytest.mark.parametrize(
    ("text", "more", "less"),
    [
        ("{version: 1, not_judged: {blur.foreground: mist}}", {"blur.foreground"}, set()),
        ("{not_judged: {blur.foreground: mist, fill.side: null}}", {"blur.foreground"}, {"fill.side"}),
        ("{not_judged: {blur.foreground: null}}", set(), set()),
        ("{version: 3}", set(), set()),
        ("null", set(), set()),
    ],
)
def test_a_policy_s_own_rules_are_completed_from_the_built_in_ones_and_null_takes_a_score_out(
    text: str, more: set[str], less: set[str]
) -> None:
    built_in = built_in_policy().not_of_scenes
    own = load_policy(f"extends: default@2\nscenes: {text}", "own.yaml")
    assert own.not_of_scenes == (built_in | more) - less
    whole = load_policy(f"version: 1\nwords: {{categories: {{}}}}\nimage: []\nscenes: {text}", "own.yaml")
    assert whole.not_of_scenes == own.not_of_scenes


def test_a_stored_policy_is_not_completed_once_more() -> None:
    own = load_policy("extends: default@2\nscenes: {not_judged: {fill.side: null}}", "own.yaml")
    stored = own.model_dump(mode="json")
    assert Policy.model_validate(stored).digest == own.digest
    del stored["scenes"]["not_judged"]["black.mean"]  # as if by a version that did not know it
    assert "black.mean" not in Policy.model_validate(stored).not_of_scenes


@pytest.mark.parametrize("text", ["[]", "{not_judged: []}", "{not_judged: {fill.side: 3}}", "{lifted: {}}"])
def test_what_are_no_scene_rules_is_refused_with_file_and_field(text: str) -> None:
    with pytest.raises(RuleFileError, match=r"own\.yaml: scenes"):
        load_policy(f"extends: default@2\nscenes: {text}", "own.yaml")


def test_a_misspelt_score_is_refused_by_name() -> None:
    with pytest.raises(RuleFileError, match=r"own\.yaml.*not_judged.*'background\.wite' is none of"):
        load_policy("extends: default@2\nscenes: {not_judged: {background.wite: null}}", "own.yaml")
