"""The naive fold of what people say, by examples: it judges the product, so it is tried by itself."""

import pytest

from .naive_answers import NaiveAnswers, Said, Word
from .shop_facts import Picture

MUG = Picture("mug")


def said(token: str, who: str, word: Word, *, ends: bool = False) -> Said:
    return Said(token, who, word, MUG, ends_conflict=ends)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ([said("1", "ada", "accept")], "accept"),
        ([said("1", "ada", "accept"), said("2", "ada", "refuse")], "refuse"),
        ([said("1", "ada", "accept"), said("2", "ben", "accept")], "accept"),
        ([said("1", "ada", "accept"), said("2", "ben", "refuse")], "conflict"),
        ([said("1", "ada", "accept"), said("2", "ben", "refuse", ends=True)], "refuse"),
        ([said("1", "ada", "accept", ends=True), said("2", "ben", "refuse")], "conflict"),
    ],
)
def test_the_newest_word_of_each_person_counts_and_where_they_differ_none(given: list[Said], word: Word) -> None:
    standing = NaiveAnswers(given).standing(MUG)
    assert standing is not None
    assert (standing.word, standing.since) == (word, given[-1].token)


def test_what_is_taken_back_counts_no_more_and_the_word_before_it_does() -> None:
    first, second = said("1", "ada", "accept"), said("2", "ada", "refuse")
    answers = NaiveAnswers([first, second])
    answers.undo(second, "3")
    standing = answers.standing(MUG)
    assert standing is not None
    assert (standing.word, standing.since, standing.given) == ("accept", "3", "1"), "taking a word back gives none anew"
    answers.undo(first, "4")
    assert answers.standing(MUG) is None
    assert answers.can_be_undone("ada") == []


def test_what_a_sweep_has_forgotten_counts_no_more() -> None:
    answers = NaiveAnswers([said("1", "ada", "accept"), said("2", "ben", "refuse")])
    answers.keep({"1"})
    assert [standing.word for _, standing in answers.standing_by_picture()] == ["accept"]
