"""Thresholds from answers: they agree with people, say what they cost, and rest on enough answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import OptionError
from catalogs.policy.answer_calibration import (
    MINIMUM_ANSWERS,
    AnsweredImage,
    AnswerProposal,
    calibrate_from_answers,
    calibration_document,
    score_limits,
)
from catalogs.policy.proposed_policy import policy_with_proposals
from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from catalogs.thresholds import Thresholds

SCORE = "blur.foreground"


def policy(**limits: float) -> Policy:
    rule = ImageRule(score=SCORE, reason="blurred", **limits)  # type: ignore[arg-type]
    return built_in_policy().model_copy(update={"image": [rule]})


def waited(value: float, *, accepted: bool, others: tuple[str, ...] = ()) -> AnsweredImage:
    return AnsweredImage(accepted, {SCORE: value}, ("blurred", *others))


def passed(value: float, *, accepted: bool) -> AnsweredImage:
    return AnsweredImage(accepted, {SCORE: value})


def propose(images: list[AnsweredImage], rules: Policy, miss_cost: float = 5) -> AnswerProposal:
    [proposal] = calibrate_from_answers(images, rules, miss_cost).proposals
    return proposal


GOOD_DOWN_TO_6 = [waited(value / 10, accepted=value >= 60) for value in range(40, 100)]


def test_a_threshold_that_kept_good_images_back_moves_to_where_people_refuse() -> None:
    found = propose(GOOD_DOWN_TO_6, policy(review_below=10))
    assert (found.present, found.proposed, found.images) == (10, 6.0, 60)
    assert (found.now.needless, found.now.misses) == (40, 0)
    assert (found.then.needless, found.then.misses, found.then.kept) == (0, 0, 20)
    assert found.then.miss_rate.high == pytest.approx(0.088, abs=0.001), "40 right ones may be 3 in 40 wrong"


def test_a_threshold_above_moves_the_other_way() -> None:
    images = [AnsweredImage(value <= 60, {SCORE: value}, ("blurred",)) for value in range(31, 91)]
    assert propose(images, policy(review_above=30)).proposed == 60


def test_a_threshold_that_let_bad_images_pass_keeps_more() -> None:
    images = [waited(5, accepted=False)] * 30 + [passed(11, accepted=False)] * 3 + [passed(14, accepted=True)] * 30
    found = propose(images, policy(review_below=10))
    assert (found.proposed, found.now.misses, found.then.misses, found.then.needless) == (14, 3, 0, 0)


def test_one_miss_is_worth_as_many_needless_reviews_as_told() -> None:
    images = [waited(9, accepted=True)] * 57 + [waited(9.5, accepted=False)] * 3
    assert propose(images, policy(review_below=10), miss_cost=5).proposed == 9
    assert propose(images, policy(review_below=10), miss_cost=50).proposed == 10


def test_it_never_crosses_the_threshold_that_blocks() -> None:
    images = [waited(value / 10, accepted=True) for value in range(40, 100)]
    assert propose(images, policy(review_below=10, block_below=5)).proposed == 5


def test_an_image_that_another_gate_would_have_kept_anyway_is_no_miss() -> None:
    images = [waited(9, accepted=True)] * MINIMUM_ANSWERS + [waited(9, accepted=False, others=("cropped",))] * 50
    found = propose(images, policy(review_below=10))
    assert (found.images, found.proposed) == (MINIMUM_ANSWERS, 9)


def test_too_few_answers_propose_nothing_and_say_how_many_there_are() -> None:
    images = [waited(9, accepted=True)] * (MINIMUM_ANSWERS - 1)
    with pytest.raises(
        OptionError, match=rf"needs {MINIMUM_ANSWERS} answered images .* most has {MINIMUM_ANSWERS - 1}"
    ):
        calibrate_from_answers(images, policy(review_below=10))
    with pytest.raises(OptionError, match="--miss-cost"):
        calibrate_from_answers(images, policy(review_below=10), 0)
    both = policy(review_below=10, review_above=90)
    enough = [*images, waited(9, accepted=True)]
    found = calibrate_from_answers(enough, both)
    assert found.too_few == {("blurred", SCORE, "above", ""): 0}
    assert calibration_document(found, 5)["too_few"][0]["side"] == "above"


def test_the_proposal_is_written_into_a_policy() -> None:
    rules = policy(review_below=10)
    found = calibrate_from_answers(GOOD_DOWN_TO_6, rules)
    content = policy_with_proposals({"extends": "default"}, rules, found.proposals, "60 answers")
    assert [(rule["score"], rule["review_below"], rule["source"]) for rule in content["image"]] == [
        (SCORE, 6.0, "60 answers")
    ]
    assert [limit.limit for limit in score_limits(rules)] == [10]


def test_a_category_with_thresholds_of_its_own_is_judged_by_its_own_images() -> None:
    """Rings are small, so sharpness below 3 alone is bad there: what they teach is nothing about mugs."""
    own = Thresholds(review_below=4, block_below=1)
    rule = ImageRule(score=SCORE, reason="blurred", review_below=10, categories={"rings": own, "lamps": own})
    rules = built_in_policy().model_copy(update={"image": [rule]})
    mugs = [replace(image, category="mugs") for image in GOOD_DOWN_TO_6]
    rings = [replace(waited(value / 20, accepted=value >= 50), category="rings") for value in range(20, 80)]
    passed_rings = [replace(passed(8, accepted=False), category="rings")] * 3
    found = calibrate_from_answers([*mugs, *rings, *passed_rings], rules)
    assert [(line.category, line.images, line.present, line.proposed) for line in found.proposals] == [
        ("", 60, 10, 6.0), ("rings", 63, 4, 2.5),
    ]  # fmt: skip
    assert found.too_few == {("blurred", SCORE, "below", "lamps"): 0}
    [written] = policy_with_proposals({"extends": "default"}, rules, found.proposals, "answers")["image"]
    assert (written["review_below"], written["categories"]["rings"]["review_below"]) == (6.0, 2.5)
    assert written["categories"]["lamps"]["review_below"] == 4, "its own threshold stays"
    blocked_below_1 = [replace(waited(value / 40, accepted=True), category="rings") for value in range(100)]
    [line] = calibrate_from_answers(blocked_below_1, rules).proposals
    assert line.proposed == 1, "it never crosses the category's own threshold that blocks"


VALUES = st.floats(0, 20, allow_subnormal=False)


@given(
    st.lists(st.tuples(VALUES, st.booleans()), min_size=MINIMUM_ANSWERS, max_size=80),
    st.sampled_from(["below", "above"]),
    st.floats(0.5, 20),
)
def test_a_proposal_never_costs_more_than_the_present_threshold(
    pairs: list[tuple[float, bool]], side: str, miss_cost: float
) -> None:
    rules = policy(**{f"review_{side}": 10})
    outside = {"below": lambda value: value < 10, "above": lambda value: value > 10}[side]
    images = [waited(v, accepted=a) if outside(v) else passed(v, accepted=a) for v, a in pairs]
    found = propose(images, rules, miss_cost)
    assert found.then.total(miss_cost) <= found.now.total(miss_cost)
    assert found.then.passing + found.then.kept == found.images == len(pairs)
