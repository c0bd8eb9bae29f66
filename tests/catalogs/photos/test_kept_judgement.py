"""Kept images are judged by proof, loss, photo and mask; what is not known passes nothing, and no person lifts it."""

import math

import pytest

from catalogs.photos.kept_judgement import (
    BROKEN,
    LOSS_MEAN,
    LOSS_P99,
    is_kept,
    is_unpublishable,
    judge_kept,
)
from catalogs.photos.kept_request import KeptResult
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.verdict import Verdict, combine_verdicts
from tests.catalogs.photos.photo_score_samples import GOOD

PROVEN = {**GOOD, BROKEN: 0.0, LOSS_MEAN: 3.0, LOSS_P99: 9.0}
RULES = built_in_photo_rules()


def judged(changes: dict[str, float], errors: tuple[str, ...] = ()) -> Verdict:
    return combine_verdicts(judge_kept({**PROVEN, **changes}, errors, RULES))


def test_a_proven_image_of_a_fit_photo_passes() -> None:
    assert judged({}).decision == "PASS"


@pytest.mark.parametrize(
    ("changes", "decision", "reasons"),
    [
        ({BROKEN: 1.0}, "BLOCK", ("kept.broken",)),
        ({BROKEN: math.nan}, "BLOCK", ("kept.broken",)),
        ({LOSS_MEAN: 5.1}, "BLOCK", ("kept.jpeg-loss",)),
        ({LOSS_P99: 13.0}, "BLOCK", ("kept.jpeg-loss",)),
        ({LOSS_MEAN: 5.0, LOSS_P99: 12.0}, "PASS", ()),
        ({LOSS_P99: math.nan}, "REVIEW", ("score-missing.kept.loss_mean",)),
        ({"mask.agreement": 0.2}, "BLOCK", ("mask.disagreement",)),
        ({"photo.blur": 5.0}, "REVIEW", ("photo.blurred",)),
    ],
)
def test_each_finding_has_its_verdict(changes: dict[str, float], decision: str, reasons: tuple[str, ...]) -> None:
    verdict = judged(changes)
    assert (verdict.decision, verdict.reasons) == (decision, reasons)


def test_what_could_not_be_proven_waits_whatever_its_scores_say() -> None:
    assert judged({}, ("kept",)) == Verdict("REVIEW", ("scanner-failed.kept",))
    assert (is_kept({}, ["kept"]), is_kept({BROKEN: 0.0}, []), is_kept({"mask.confidence": 1.0}, [])) == (
        True,
        True,
        False,
    )


def test_no_acceptance_lifts_a_broken_an_unproven_or_an_unread_record() -> None:
    def record(scores: dict[str, float]) -> str:
        return KeptResult("white", "ab", "only-photo", "plain-ground", "1", scores, {}).text

    assert not is_unpublishable(("photo.blurred",), record({BROKEN: 0.0}))
    assert not is_unpublishable(("blurred",), None)
    for reasons, text in (
        (("kept.broken",), None),
        (("scanner-failed.kept",), None),
        ((), record({BROKEN: 1.0})),
        ((), record({})),
        ((), "{}"),
        ((), "no json"),
    ):
        assert is_unpublishable(reasons, text), (reasons, text)
