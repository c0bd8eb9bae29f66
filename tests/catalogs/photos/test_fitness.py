"""Of a row's photos the one with the best verdict is taken, and the shop's own order decides among equals."""

import pytest

from catalogs.photos.fitness import choose_photo, judge_photo
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.verdict import PASS
from tests.catalogs.photos.photo_score_samples import GOOD

RULES = built_in_photo_rules()
SET = {**GOOD, "mask.parts": 16.0}
LABEL = {**GOOD, "photo.letters": 300.0}


def test_a_good_photo_passes() -> None:
    assert judge_photo(GOOD, RULES).verdict == PASS


@pytest.mark.parametrize(
    ("score", "value", "decision", "reason"),
    [
        ("photo.product", 400, "REVIEW", "photo.too-small"),
        ("photo.product", 90, "BLOCK", "photo.too-small"),
        ("photo.blur", 5, "REVIEW", "photo.blurred"),
        ("photo.blur", 2, "BLOCK", "photo.blurred"),
        ("mask.frame", 0.9, "REVIEW", "photo.cropped"),
        ("ground.covered", 0.4, "REVIEW", "photo.cropped"),
        ("mask.parts", 16, "REVIEW", "photo.several-products"),
        ("photo.letters", 300, "BLOCK", "photo.only-text"),
        ("nudity.face", 0.8, "REVIEW", "photo.worn"),
        ("mask.agreement", 0.9, "REVIEW", "mask.disagreement"),
    ],
)
def test_an_unfit_photo_waits_with_its_own_reason(score: str, value: float, decision: str, reason: str) -> None:
    verdict = judge_photo({**GOOD, score: value}, RULES).verdict
    assert (verdict.decision, verdict.reasons) == (decision, (reason,))


def test_the_only_photo_is_taken_whatever_it_is_like() -> None:
    choice = choose_photo([LABEL], RULES)
    assert (choice.position, choice.reason) == (0, "only-photo")
    assert choice.taken.verdict.reasons == ("photo.only-text",)


def test_the_first_photo_that_passes_is_taken() -> None:
    choice = choose_photo([SET, GOOD, {**GOOD, "photo.product": 1100.0}], RULES)
    assert (choice.position, choice.reason) == (1, "first-that-passes")
    assert choice.taken.verdict == PASS
    assert choice.judgements[0].verdict.reasons == ("photo.several-products",)


def test_where_none_passes_the_least_doubtful_is_taken_and_waits() -> None:
    choice = choose_photo([LABEL, SET, SET], RULES)
    assert (choice.position, choice.reason) == (1, "least-doubtful")
    assert choice.taken.verdict.decision == "REVIEW"


def test_no_photo_is_no_choice() -> None:
    with pytest.raises(ValueError, match="there is no photo to choose from"):
        choose_photo([], RULES)
