"""A proposed policy changes only the thresholds that moved, keeps them in order, and can be read."""

from collections.abc import Sequence

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.policy.proposed_policy import policy_with_proposals
from catalogs.policy.schema import Policy, built_in_policy, load_policy
from catalogs.policy.threshold_calibration import (
    ALL_CATEGORIES,
    AcceptedScoreTable,
    ThresholdCalibration,
    propose_thresholds,
)

RULES = """
version: 4
words: {categories: {}}
image:
  - {score: blur.foreground, reason: blurred, block_below: 4, review_below: 7, again: true, source: before}
  - {score: noise.foreground, reason: noisy, review_above: 4, categories: {wool: {review_above: 9}}}
  - {score: edges.touched, reason: cut-off, review_above: 0}
  - {score: black.mean, reason: black, block_below: 5}
  - {score: file.bytes, reason: file-too-large, review_above: 1000}
"""
POLICY = load_policy(RULES, "shop.yaml")


def accepted(categories: Sequence[str], **scores: Sequence[float]) -> AcceptedScoreTable:
    columns = {name.replace("_", "."): np.array(values, float) for name, values in scores.items()}
    return AcceptedScoreTable(categories, columns)


def rewritten(calibration: ThresholdCalibration, text: str = RULES, policy: Policy = POLICY) -> Policy:
    content = policy_with_proposals(yaml.safe_load(text), policy, calibration.proposals, "here")
    return load_policy(yaml.safe_dump(content), "proposed.yaml")


def test_the_files_other_fields_stay_and_only_moved_rules_are_written() -> None:
    calibration = propose_thresholds(
        accepted([ALL_CATEGORIES] * 300, blur_foreground=np.linspace(1, 20, 300)), POLICY, 0.01
    )
    policy = rewritten(calibration)
    assert (policy.version, policy.words) == (5, POLICY.words)
    blur, *others = policy.image
    assert tuple(others) == POLICY.image[1:]
    assert (blur.review_below, blur.block_below, blur.again, blur.source) == (1.12, 1.12, True, "here")


def test_a_policy_that_extends_the_built_in_one_says_only_what_differs() -> None:
    built_in = built_in_policy()
    calibration = propose_thresholds(
        accepted([ALL_CATEGORIES] * 300, blur_foreground=np.linspace(8, 20, 300)), built_in, 0.01
    )
    content = policy_with_proposals({"extends": "default@2"}, built_in, calibration.proposals, "here")
    assert set(content) == {"extends", "version", "image"}
    assert [rule["score"] for rule in content["image"]] == ["blur.foreground"]
    proposed = load_policy(yaml.safe_dump(content), "proposed.yaml")
    assert len(proposed.image) == len(built_in.image)
    (proposal,) = [proposal for proposal in calibration.proposals if proposal.score == "blur.foreground"]
    assert proposed.image[0].review_below == proposal.proposed


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.integers(-100_000, 100_000), min_size=29, max_size=60),
    st.sampled_from(["blur.foreground", "noise.foreground"]),
    st.booleans(),
)
def test_no_proposal_refuses_more_than_its_share_and_every_file_can_be_read(
    thousandths: list[int], score: str, wool: bool
) -> None:
    values = [number / 1000 for number in thousandths]
    categories = ["wool" if wool and place % 2 else ALL_CATEGORIES for place in range(len(values))]
    calibration = propose_thresholds(accepted(categories, **{score.replace(".", "_"): values}), POLICY, 0.1)
    for each in calibration.proposals:
        if each.proposed is not None:
            own = [v for v, name in zip(values, categories, strict=True) if each.category in (ALL_CATEGORIES, name)]
            refused = sum(v < each.proposed if each.side == "below" else v > each.proposed for v in own)
            assert refused <= 0.1 * len(own)
    (before,), (after,) = (
        [rule for rule in policy.image if rule.score == score] for policy in (POLICY, rewritten(calibration))
    )
    assert after.again == before.again


def test_a_proposal_on_the_better_side_leaves_what_blocks_where_it_was() -> None:
    calibration = propose_thresholds(
        accepted([ALL_CATEGORIES] * 300, blur_foreground=np.linspace(9, 20, 300)), POLICY, 0.01
    )
    (blur, *_) = rewritten(calibration).image
    assert (blur.block_below, blur.review_below) == (4, pytest.approx(9.1, abs=0.05))


def test_a_category_is_written_with_its_own_limits_alone() -> None:
    noise = [*np.linspace(0, 3, 300), *np.linspace(4, 8, 300)]
    calibration = propose_thresholds(
        accepted([ALL_CATEGORIES] * 300 + ["wool"] * 300, noise_foreground=noise), POLICY, 0.01
    )
    content = policy_with_proposals(yaml.safe_load(RULES), POLICY, calibration.proposals, "here")
    (rule,) = [each for each in content["image"] if each["score"] == "noise.foreground"]
    assert set(rule["categories"]["wool"]) == {"review_above"}
