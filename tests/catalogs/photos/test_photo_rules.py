"""Photo rules are data, and a score that is missing is never a pass."""

import math

import pytest

from catalogs.errors import RuleFileError
from catalogs.photos.photo_rules import (
    PhotoFinding,
    ScoreRule,
    apply_rules,
    built_in_photo_rules,
    judgement_of,
    load_photo_rules,
)
from catalogs.verdict import PASS, Verdict

SOFT = ScoreRule(score="mask.soft", reason="mask.soft", review_above=0.3, block_above=0.6)
SHORT = ScoreRule(score="photo.product", reason="photo.too-small", block_below=250, review_below=500)


@pytest.mark.parametrize(
    ("score", "decision", "limit"), [(0.2, None, None), (0.3, None, None), (0.31, "REVIEW", 0.3), (0.7, "BLOCK", 0.6)]
)
def test_a_score_past_a_limit_is_found_with_that_limit(score: float, decision: str, limit: float) -> None:
    found = [(finding.decision, finding.limit) for finding in apply_rules([SOFT], {"mask.soft": score})]
    assert found == ([(decision, limit)] if decision else [])


@pytest.mark.parametrize(("score", "limit"), [(100, 250), (400, 500)])
def test_a_score_below_its_limits_names_the_one_that_decides(score: float, limit: float) -> None:
    assert [finding.limit for finding in apply_rules([SHORT], {"photo.product": score})] == [limit]


@pytest.mark.parametrize("scores", [{}, {"mask.soft": math.nan}, {"mask.soft": math.inf}])
def test_a_score_that_is_missing_is_for_a_person(scores: dict[str, float]) -> None:
    assert list(apply_rules([SOFT], scores)) == [PhotoFinding("mask.soft", "REVIEW", "mask.soft")]


def test_an_optional_score_may_be_missing_but_not_wrong() -> None:
    optional = SOFT.model_copy(update={"optional": True})
    assert list(apply_rules([optional], {})) == []
    assert [found.decision for found in apply_rules([optional], {"mask.soft": math.nan})] == ["REVIEW"]


def test_findings_are_sentences_with_numbers() -> None:
    [above] = apply_rules([SOFT], {"mask.soft": 0.4567})
    [below] = apply_rules([SHORT], {"photo.product": 1.0})
    [missing] = apply_rules([SOFT], {})
    assert above.sentence == "mask.soft: mask.soft 0.457 is above 0.3"
    assert below.sentence == "photo.too-small: photo.product 1 is below 250"
    assert missing.sentence == "mask.soft: mask.soft was not measured"
    assert PhotoFinding("photo.only-text", "BLOCK", "photo.letters", 1300, 7).sentence.endswith("1,300 is above 7")


def test_the_worst_finding_is_the_verdict() -> None:
    findings = [*apply_rules([SOFT, SHORT], {"mask.soft": 0.4, "photo.product": 100})]
    assert judgement_of(findings).verdict == Verdict("BLOCK", ("mask.soft", "photo.too-small"))
    assert judgement_of([]).verdict == PASS


def test_the_built_in_rules_say_where_each_limit_comes_from() -> None:
    rules = built_in_photo_rules()
    assert (rules.alone, rules.plain_from) == ("REVIEW", 0.8)
    assert [rule.reason for rule in (*rules.mask, *rules.photo) if not rule.source] == []
    scores = [rule.score for rule in (*rules.mask, *rules.photo)]
    assert len(scores) == len(set(scores))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 1\nmask: []\nphoto: []\nblur: 3", "blur: Extra inputs are not permitted"),
        ("version: 1\nmask: [{score: mask.soft, reason: mask.soft}]\nphoto: []", "has no threshold"),
        ("version: 1\nmask: [{score: mask.soft, reason: soft, review_above: 1}]\nphoto: []", "mask.0.reason"),
        ("version: 1\nmask: [{score: mask.soft, reason: mask.soft, review_above: 2, block_above: 1}]\nphoto: []",
         "thresholds must rise"),
        ("version: 1\nalone: MAYBE\nmask: []\nphoto: []", "alone: Input should be"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_its_field(text: str, reason: str) -> None:
    with pytest.raises(RuleFileError, match=r"^shop\.yaml: ") as error:
        load_photo_rules(text, "shop.yaml")
    assert reason in str(error.value)
