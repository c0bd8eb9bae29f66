"""What may offend comes before what is merely ugly, what is far past a limit before what is near it, old before new."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.policy.schema import built_in_policy
from catalogs.reviews.severity import SAMPLE_SEVERITY, excess, find_worst_reason, priority, severity_of, weigh_reason
from catalogs.thresholds import Thresholds

POLICY = built_in_policy()
NOW = datetime(2026, 11, 30, tzinfo=UTC)
NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("score", "limits", "expected"),
    [
        (0.55, {"review_above": 0.3, "block_above": 0.8}, 0.5),
        (0.3, {"review_above": 0.3, "block_above": 0.8}, 0.0),
        (0.9, {"review_above": 0.3, "block_above": 0.8}, 1.0),
        (5.5, {"review_below": 7, "block_below": 4}, 0.5),
        (3.5, {"review_below": 7}, 0.5),
        (2.0, {"review_above": 0}, 1.0),
        (float("nan"), {"review_above": 0.3}, 0.0),
    ],
)
def test_the_excess_is_the_share_of_the_way_to_the_next_limit(
    score: float, limits: dict[str, float], expected: float
) -> None:
    assert excess(score, Thresholds(**limits)) == pytest.approx(expected)


@given(st.tuples(NUMBERS, NUMBERS).map(sorted), NUMBERS, NUMBERS)
def test_a_worse_score_is_never_less_severe(limits: list[float], one: float, other: float) -> None:
    above = Thresholds(review_above=limits[0], block_above=limits[1])
    better, worse = sorted((one, other))
    assert 0 <= excess(better, above) <= excess(worse, above) <= 1


def test_reasons_weigh_by_what_they_are_about() -> None:
    reasons = ["explicit", "words.weapons", "brand.other", "duplicate-near", "views-differ", "scanner-failed.text"]
    ranks = [severity_of(reason, {"explicit.probability": 0.31}, POLICY, "") for reason in reasons]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] == pytest.approx(8.16)


@pytest.mark.parametrize(
    ("reason", "weight"),
    [("explicit", 8), ("nudity", 8), ("brand-mark", 4), ("brand-name", 4), ("text", 2), ("blurred", 1), ("blank", 1)],
)
def test_a_reason_weighs_the_same_with_and_without_a_stored_score_or_its_rule(reason: str, weight: float) -> None:
    assert severity_of(reason, {}, POLICY, "") == weigh_reason(reason) == weight


@given(st.sampled_from(sorted({(rule.reason, rule.score) for rule in POLICY.image})), NUMBERS)
def test_a_score_only_scales_a_reason_up_to_twice_its_weight(rule: tuple[str, str], score: float) -> None:
    reason, name = rule
    weight = severity_of(reason, {}, POLICY, "")
    assert weight == weigh_reason(reason)
    assert weight <= severity_of(reason, {name: score}, POLICY, "") <= 2 * weight


def test_the_worst_of_several_reasons_counts_and_a_category_has_limits_of_its_own() -> None:
    scores = {"blur.foreground": 4.0, "explicit.probability": 0.8}
    assert find_worst_reason(["blurred", "explicit"], scores, POLICY, "shirts") == ("explicit", 16.0)
    assert find_worst_reason(["explicit"], scores, POLICY, "lingerie") == (
        "explicit",
        16.0,
    )  # past 0.3 by more than 0.3
    assert find_worst_reason([], {}, POLICY, "") == ("", SAMPLE_SEVERITY)


def test_age_and_value_multiply() -> None:
    assert priority(2.0, 3.0, NOW - timedelta(days=4), NOW) == 30.0
    assert priority(2.0, 1.0, None, NOW) == priority(2.0, 1.0, NOW + timedelta(days=1), NOW) == 2.0
