"""Each reason against a photo is said in words with what to do, and an unknown one never fails a page."""

import pytest

from catalogs.photos.photo_faults import STAGE_LOST, STAGE_TOO_SMALL
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.photos.photo_sentences import (
    PHOTO_SCORE_MEANINGS,
    PHOTO_SENTENCES,
    is_photo_reason,
    remedy_of,
    say_choice,
    say_cutter,
    say_mode,
    say_photo_reason,
)
from infra.composing.ground_check import GROUND_NOT_RECORDED
from infra.compositing.ground_proof import GROUND_DIFFERS, SHADOW_UNKNOWN, STAGE_DIFFERS
from infra.photos.invalid_photo import PHOTO_REASONS

RULES = built_in_photo_rules()


def test_every_reason_of_the_rules_and_of_reading_has_a_sentence_and_a_remedy() -> None:
    codes = {rule.reason for rule in (*RULES.mask, *RULES.photo)} | set(PHOTO_REASONS) | {"mask.one-cutter"}
    codes |= {STAGE_LOST, STAGE_TOO_SMALL, GROUND_DIFFERS, STAGE_DIFFERS, SHADOW_UNKNOWN, GROUND_NOT_RECORDED}
    assert codes <= PHOTO_SENTENCES.keys()
    assert all(is_photo_reason(code) for code in PHOTO_SENTENCES)
    for sentence in PHOTO_SENTENCES.values():
        assert sentence.meaning[0].islower()
        assert sentence.remedy[0].isupper()
        assert not (sentence.meaning + sentence.remedy).endswith(".")


def test_every_score_of_the_rules_has_a_meaning() -> None:
    assert {rule.score for rule in (*RULES.mask, *RULES.photo)} <= PHOTO_SCORE_MEANINGS.keys()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (say_photo_reason("photo.unreadable"), "the photo's file is damaged"),
        (remedy_of("photo.unreadable"), "Export the photo again"),
        (say_photo_reason("kept.of-later-versions"), "kept of later versions"),
        (remedy_of("kept.of-later-versions"), ""),
        (say_choice("first-that-passes", 3), "the first of 3 photos that passes"),
        (say_choice("only-photo", 1), "the row's only photo"),
        (say_choice("by-hand", 2), "by hand"),
        (say_mode("white"), "the shop's product on white"),
        (say_mode("backdrop"), "the shop's product on a photographed scene"),
        (say_mode("stage"), "the shop's product on a scene that a model made"),
        (say_mode("moon-base"), "moon base"),
        (say_cutter("file-alpha"), "the file's own transparency"),
        (say_cutter("cutters/birefnet.onnx"), "cutters/birefnet.onnx"),
    ],
)
def test_what_is_known_has_words_and_what_is_not_is_said_as_it_is(said: str, words: str) -> None:
    assert said == words


def test_other_reasons_are_none_of_a_photo() -> None:
    assert not is_photo_reason("blurred")
    assert not is_photo_reason("photographed")
