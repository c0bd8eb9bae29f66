"""The digits of the console are those of the reasons, and each key is explained once."""

from catalogs.answers.refusal_reasons import IN_WORDS, REFUSAL_REASONS
from flows.web.review.refusals import GRID_KEYS, ITEM_KEYS, REFUSALS, REFUSALS_OF_MANY


def test_every_reason_has_a_digit_of_its_own_in_its_place() -> None:
    assert [(refusal.digit, refusal.code) for refusal in REFUSALS] == list(enumerate(REFUSAL_REASONS, 1))
    assert len(REFUSALS) == 9, "there are nine digits"
    assert IN_WORDS in REFUSAL_REASONS


def test_a_grid_offers_what_needs_no_words_under_the_same_digits() -> None:
    assert [refusal.digit for refusal in REFUSALS_OF_MANY] == list(range(1, 9))
    assert IN_WORDS not in {refusal.code for refusal in REFUSALS_OF_MANY}


def test_no_key_is_explained_twice() -> None:
    for keys in (ITEM_KEYS, GRID_KEYS):
        assert len({key for key, _ in keys}) == len(keys)
