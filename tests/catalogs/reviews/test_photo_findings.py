"""The scores of a photo and its mask stand beside their limits, judged as where images are judged."""

from catalogs.policy.schema import built_in_policy
from catalogs.reviews.photo_findings import explain_photo
from catalogs.reviews.score_sentences import explain_scores
from tests.fixtures.kept_products import GOOD_SCORES


def test_scores_that_pass_stand_beside_their_limits() -> None:
    findings = {finding.score: finding for finding in explain_photo(GOOD_SCORES)}
    assert {finding.decision for finding in findings.values()} == {"PASS"}
    assert findings["photo.blur"].limits == {"block_below": 4.0, "review_below": 7.0}
    assert findings["mask.agreement"].sentence == (
        "mask disagreement: 0.99, wanted at least 0.96 (how far two cut-outs agree, 1 is all)"
    )
    assert "nudity.face" not in findings, "nobody measured it"


def test_a_score_past_its_limit_says_so() -> None:
    (past,) = (one for one in explain_photo(GOOD_SCORES | {"photo.blur": 3.5}) if one.is_past_limit)
    assert (past.reason, past.decision, past.value) == ("photo.blurred", "BLOCK", 3.5)
    assert past.sentence.endswith("10 is sharp): blocked")


def test_agreement_is_not_held_against_a_mask_that_nobody_could_confirm() -> None:
    unsure = GOOD_SCORES | {"mask.agreement": 0.2, "mask.flooded": 1.0, "ground.plainness": 0.1}
    assert "mask.agreement" not in {finding.score for finding in explain_photo(unsure)}


def test_without_scores_there_is_nothing_to_say() -> None:
    assert explain_photo({}) == ()


def test_a_reason_that_a_photos_score_explains_is_said_once_with_the_others() -> None:
    photo = explain_photo(GOOD_SCORES | {"mask.agreement": 0.9})
    reasons = ["mask.disagreement", "mask.one-cutter"]
    findings = explain_scores(reasons, {}, built_in_policy(), "", photo=photo)
    assert [finding.reason for finding in findings if finding.is_past_limit] == ["mask.one-cutter", "mask.disagreement"]
    assert findings[0].sentence == "no second cut-out confirms this one"
