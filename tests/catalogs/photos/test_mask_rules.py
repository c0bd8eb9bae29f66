"""A mask passes if another one that has a vote confirms it, and if its own numbers are those of a product."""

import math

import pytest

from catalogs.photos.mask_rules import ONE_CUTTER, judge_mask
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.verdict import PASS, Verdict
from tests.catalogs.photos.photo_score_samples import GOOD

RULES = built_in_photo_rules()
ALONE = {name: value for name, value in GOOD.items() if name != "mask.agreement"}


def test_a_mask_that_is_confirmed_passes() -> None:
    assert judge_mask(GOOD, RULES).verdict == PASS


@pytest.mark.parametrize(
    ("score", "value", "decision", "reason"),
    [
        ("mask.agreement", 0.93, "REVIEW", "mask.disagreement"),
        ("mask.agreement", 0.3, "BLOCK", "mask.disagreement"),
        ("mask.area", 0.02, "REVIEW", "mask.area"),
        ("mask.area", 0.001, "BLOCK", "mask.area"),
        ("mask.area", 0.95, "REVIEW", "mask.area"),
        ("mask.area", 0.99, "BLOCK", "mask.area"),
        ("mask.holes", 0.9, "REVIEW", "mask.holes"),
        ("mask.soft", 0.5, "REVIEW", "mask.soft"),
        ("mask.faint", 0.5, "REVIEW", "mask.white-on-white"),
    ],
)
def test_a_number_that_no_product_has_is_a_reason(score: str, value: float, decision: str, reason: str) -> None:
    judgement = judge_mask({**GOOD, score: value}, RULES)
    assert (judgement.verdict.decision, judgement.verdict.reasons) == (decision, (reason,))
    assert [(finding.score, finding.value) for finding in judgement.findings] == [(score, value)]


def test_a_mask_that_nobody_confirms_is_for_a_person() -> None:
    assert judge_mask(ALONE, RULES).verdict == Verdict("REVIEW", (ONE_CUTTER,))


def test_before_a_busy_ground_the_flood_confirms_nobody() -> None:
    judgement = judge_mask({**GOOD, "ground.plainness": 0.5}, RULES)
    assert judgement.verdict == Verdict("REVIEW", (ONE_CUTTER,))
    assert judgement.findings[0].sentence == "mask.one-cutter: ground.plainness 0.5 is below 0.8"


def test_before_a_busy_ground_the_flood_accuses_nobody_either() -> None:
    judgement = judge_mask({**GOOD, "ground.plainness": 0.5, "mask.agreement": 0.1}, RULES)
    assert judgement.verdict == Verdict("REVIEW", (ONE_CUTTER,))


def test_two_networks_confirm_each_other_before_any_ground() -> None:
    networks = {**GOOD, "ground.plainness": 0.5, "mask.flooded": 0.0}
    assert judge_mask(networks, RULES).verdict == PASS
    assert judge_mask({**networks, "mask.agreement": 0.3}, RULES).verdict.decision == "BLOCK"


def test_a_mask_that_came_with_the_photo_needs_nobody() -> None:
    assert judge_mask({**ALONE, "mask.given": 1.0, "ground.plainness": 0.2}, RULES).verdict == PASS


def test_a_shop_may_believe_one_cutter() -> None:
    assert judge_mask(ALONE, RULES.model_copy(update={"alone": "PASS"})).verdict == PASS
    blocked = judge_mask(ALONE, RULES.model_copy(update={"alone": "BLOCK"})).verdict
    assert blocked == Verdict("BLOCK", (ONE_CUTTER,))


@pytest.mark.parametrize("score", ["mask.area", "mask.holes", "mask.soft", "mask.faint", "mask.agreement"])
def test_a_number_that_is_not_finite_is_never_a_pass(score: str) -> None:
    assert judge_mask({**GOOD, score: math.nan}, RULES).verdict.decision == "REVIEW"


@pytest.mark.parametrize("missing", ["ground.plainness", "mask.flooded"])
def test_whether_the_flood_had_a_vote_must_be_known(missing: str) -> None:
    scores = {name: value for name, value in GOOD.items() if name != missing} | (
        {} if missing == "ground.plainness" else {"ground.plainness": 0.1}
    )
    assert judge_mask(scores, RULES).verdict == Verdict("REVIEW", (ONE_CUTTER,))
