"""Refusal reasons: one digit each, told from the gates' own."""

import pytest

from catalogs.answers.refusal_reasons import (
    IN_WORDS,
    REASONS_FOR_MANY,
    REFUSAL_REASONS,
    lacks_words,
    refusal_outcome_reason,
)


def test_there_are_no_more_reasons_than_digits() -> None:
    assert len(REFUSAL_REASONS) <= 9


def test_one_reason_says_nothing_without_words_and_is_given_for_one_image_at_a_time() -> None:
    assert [lacks_words(*said) for said in ((IN_WORDS, " "), (IN_WORDS, "a crack"), ("colour", ""))] == [
        True,
        False,
        False,
    ]
    assert [*REASONS_FOR_MANY, IN_WORDS] == [*REFUSAL_REASONS]


def test_a_person_s_reason_is_told_from_a_gate_s() -> None:
    assert refusal_outcome_reason("deformed") == "person.deformed"
    with pytest.raises(ValueError, match="wrong-product"):
        refusal_outcome_reason("ugly")
