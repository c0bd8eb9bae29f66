"""Scores are said in words, with the number beside the limit; what no score explains is said too."""

import pytest

from catalogs.photos.kept_judgement import BROKEN, SCENE
from catalogs.policy.schema import built_in_policy
from catalogs.reviews.score_sentences import explain_scores, say_reason
from tests.catalogs.photos.photo_score_samples import GOOD

POLICY = built_in_policy()


def test_what_is_past_a_limit_comes_first_with_number_and_limit() -> None:
    findings = explain_scores(["blurred"], {"fill.side": 0.8, "blur.foreground": 5.51234}, POLICY, "")
    assert findings[0].sentence.startswith("blurred: 5.512, wanted at least 7 (sharpness of the denoised product")
    assert (findings[0].decision, findings[0].limits) == ("REVIEW", {"block_below": 4.0, "review_below": 7.0})
    assert [finding.is_past_limit for finding in findings] == [True, False, False]


def test_what_no_score_says_stands_before_what_was_measured_and_a_block_before_a_review() -> None:
    scores = {"fill.side": 0.8, "blur.foreground": 5.5, "explicit.probability": 0.9}
    findings = explain_scores(["blurred", "duplicate-near", "explicit"], scores, POLICY, "")
    assert [finding.reason for finding in findings if finding.is_past_limit] == [
        "duplicate-near",
        "explicit",
        "blurred",
    ]
    assert [finding.is_past_limit for finding in findings] == sorted(
        (finding.is_past_limit for finding in findings), reverse=True
    )


def test_a_category_is_judged_by_its_own_limits() -> None:
    scores = {"explicit.probability": 0.9}
    of_all, of_lingerie = (explain_scores(["explicit"], scores, POLICY, name)[0] for name in ("", "lingerie"))
    assert (of_all.decision, of_lingerie.decision) == ("BLOCK", "REVIEW")


def test_reasons_without_a_score_are_said_with_what_the_scanner_said() -> None:
    (finding,) = explain_scores(["scanner-failed.text"], {}, POLICY, "", "out of memory")
    assert finding.sentence == "the scanner text failed: out of memory"


@pytest.mark.parametrize(
    ("reason", "words"),
    [("duplicate-near", "almost the same"), ("words.arms", "list arms"), ("my-own-rule", "my own rule")],
)
def test_every_reason_has_words(reason: str, words: str) -> None:
    assert words in say_reason(reason)


def test_of_a_kept_product_the_photo_is_explained_with_its_numbers_and_the_products_own_words_are_not() -> None:
    scores = {**GOOD, BROKEN: 0.0, "mask.agreement": 0.9, "text.area": 0.9, "text.count": 30.0}
    findings = explain_scores(["mask.disagreement"], scores, POLICY, "")
    assert [finding.sentence for finding in findings if finding.is_past_limit] == [
        "mask.disagreement: mask.agreement 0.9 is below 0.96"
    ]
    assert say_reason("photo.lost") == "the photo cannot be used: lost"
    assert "nobody can accept it" in say_reason("kept.broken")


def test_on_a_stage_nothing_is_said_of_what_is_not_judged_there() -> None:
    scores = {**GOOD, BROKEN: 0.0, SCENE: 1.0, "background.white": 0.0, "fill.side": 0.4, "edges.touched": 1.0}
    findings = explain_scores(["cut-off"], scores, POLICY, "")
    assert [finding.reason for finding in findings if finding.is_past_limit] == ["cut-off"]
    assert "background.white" not in {finding.score for finding in findings}
