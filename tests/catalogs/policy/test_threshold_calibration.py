"""Proposals are quantiles of what was accepted, stay in order, and claim no more than the number of images allows."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
import yaml

from catalogs.errors import OptionError
from catalogs.policy.proposed_policy import policy_with_proposals
from catalogs.policy.schema import Policy, load_policy
from catalogs.policy.threshold_calibration import (
    ALL_CATEGORIES,
    AcceptedScoreTable,
    ThresholdCalibration,
    ThresholdProposal,
    images_needed,
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


def line(calibration: ThresholdCalibration, score: str, category: str = ALL_CATEGORIES) -> ThresholdProposal:
    (one,) = [each for each in calibration.proposals if (each.score, each.category) == (score, category)]
    return one


def rewritten(calibration: ThresholdCalibration, text: str = RULES, policy: Policy = POLICY) -> Policy:
    content = policy_with_proposals(yaml.safe_load(text), policy, calibration.proposals, "here")
    return load_policy(yaml.safe_dump(content), "proposed.yaml")


@pytest.mark.parametrize(("quantile", "needed"), [(0.01, 299), (0.05, 59), (0.1, 29), (0.5, 5)])
def test_so_many_are_needed_that_one_of_the_worst_is_among_them(quantile: float, needed: int) -> None:
    assert images_needed(quantile) == needed
    assert (1 - quantile) ** needed <= 0.05 < (1 - quantile) ** (needed - 1)


def test_too_few_images_are_refused_with_what_would_do() -> None:
    few = accepted([ALL_CATEGORIES] * 37, blur_foreground=range(37))
    with pytest.raises(OptionError, match="needs 299 accepted images, and there are 37") as caught:
        propose_thresholds(few, POLICY, 0.01)
    possible = re.search(r"--quantile (0\.\d+)$", str(caught.value))
    assert possible is not None
    assert propose_thresholds(few, POLICY, float(possible[1])).proposals
    with pytest.raises(OptionError, match=r"Give more images$"):
        propose_thresholds(accepted([ALL_CATEGORIES] * 3, blur_foreground=range(3)), POLICY, 0.01)
    for wrong in (0.0, 0.6, -1.0, float("nan")):
        with pytest.raises(OptionError, match="give a share above 0"):
            propose_thresholds(few, POLICY, wrong)


def test_a_proposal_is_the_quantile_on_the_refused_side_and_the_present_one_is_counted() -> None:
    calibration = propose_thresholds(
        accepted(
            [ALL_CATEGORIES] * 1000, blur_foreground=np.arange(1000) / 100, noise_foreground=np.arange(1000) / 100
        ),
        POLICY,
        0.01,
    )
    blur, noise = line(calibration, "blur.foreground"), line(calibration, "noise.foreground")
    assert (blur.present, blur.proposed, blur.worst_1, blur.worst_5, blur.median) == (7, 0.09, 0.09, 0.49, 4.99)
    assert (noise.present, noise.proposed, noise.worst_1, noise.median) == (4, 9.9, 9.9, 5.0)
    assert (blur.refused, noise.refused) == (0.7, pytest.approx(0.599))
    assert (blur.side, noise.side, blur.pictures) == ("below", "above", 1000)
    assert (calibration.refused_share_now, calibration.refused_share_proposed) == (1.0, pytest.approx(0.018))


def test_limits_that_others_set_and_those_that_only_block_are_left() -> None:
    calibration = propose_thresholds(
        accepted([ALL_CATEGORIES] * 300, black_mean=np.arange(300), file_bytes=np.arange(300) * 9), POLICY, 0.01
    )
    assert calibration.proposals == ()
    assert rewritten(calibration).image == POLICY.image


def test_nothing_is_proposed_where_all_are_alike_or_too_few_were_measured() -> None:
    some = [np.nan] * 100 + list(range(200))
    calibration = propose_thresholds(
        accepted([ALL_CATEGORIES] * 300, edges_touched=[0] * 300, blur_foreground=some), POLICY, 0.01
    )
    assert [each.score for each in calibration.proposals] == ["edges.touched"]
    assert line(calibration, "edges.touched").proposed is None


def test_counts_stay_counts() -> None:
    calibration = propose_thresholds(accepted([ALL_CATEGORIES] * 300, edges_touched=[0] * 290 + [1] * 10), POLICY, 0.01)
    assert line(calibration, "edges.touched").proposed == 1


def test_a_category_with_enough_images_has_its_own_line_and_the_others_are_named() -> None:
    categories = ["wool"] * 300 + ["glass"] * 300 + ["rare"] * 20
    noise = [*np.linspace(5, 8, 300), *np.linspace(0, 1, 300), *[20.0] * 20]
    calibration = propose_thresholds(accepted(categories, noise_foreground=noise), POLICY, 0.01)
    assert dict(calibration.small_categories) == {"rare": 20}
    assert line(calibration, "noise.foreground", "wool").present == 9
    assert line(calibration, "noise.foreground", "wool").proposed == pytest.approx(8, abs=0.05)
    assert line(calibration, "noise.foreground", "glass").proposed == pytest.approx(1, abs=0.02)
    (rule,) = [rule for rule in rewritten(calibration).image if rule.reason == "noisy"]
    assert rule.review_above == 20
    assert {name: own.review_above for name, own in rule.categories.items()} == {
        "wool": line(calibration, "noise.foreground", "wool").proposed,
        "glass": line(calibration, "noise.foreground", "glass").proposed,
    }
    assert calibration.refused_share_proposed <= 0.01


def test_one_category_alone_is_all_of_them() -> None:
    calibration = propose_thresholds(accepted(["wool"] * 300, noise_foreground=np.linspace(0, 3, 300)), POLICY, 0.01)
    assert {each.category for each in calibration.proposals} == {ALL_CATEGORIES}
