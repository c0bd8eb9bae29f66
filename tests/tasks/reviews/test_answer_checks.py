"""What a person may answer, by their scopes, and what an answer must say."""

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import Person, Scope
from catalogs.errors import OptionError
from catalogs.reviews.review_item import ReviewItem, ReviewKind, ReviewSlot
from catalogs.reviews.review_options import AnswerWords
from tasks.reviews.answer_checks import MAX_ANSWER_CHARACTERS, check_answer

ANSWERER = Person("ann", frozenset({Scope.LOOK, Scope.ANSWER}))


def item(kind: ReviewKind = ReviewKind.REVIEW) -> ReviewItem:
    return ReviewItem("aa-ff", kind, (ReviewSlot(b"1", "MUG", "front", "a", 0),), ("blurred",), b"r", object="x.jpg")


@pytest.mark.parametrize(
    ("person", "kind", "given", "words", "problem"),
    [
        (ANSWERER, ReviewKind.REVIEW, AnswerKind.UNDO, {}, "'undo' is no answer about an image"),
        (Person("eve"), ReviewKind.REVIEW, AnswerKind.ACCEPT, {}, "eve may not do that: it needs the scope answer"),
        (ANSWERER, ReviewKind.BLOCKED, AnswerKind.ACCEPT, {}, "it needs the scope override"),
        (ANSWERER, ReviewKind.REVIEW, AnswerKind.ACCEPT, {"resolves": True}, "it needs the scope override"),
        (ANSWERER, ReviewKind.REVIEW, AnswerKind.REFUSE, {}, "reason: '' is none of wrong-product"),
        (ANSWERER, ReviewKind.REVIEW, AnswerKind.REFUSE, {"reason": "ugly"}, "reason: 'ugly' is none of"),
        (ANSWERER, ReviewKind.REVIEW, AnswerKind.REFUSE, {"reason": "other", "why": " "}, "why: the reason 'other'"),
        (ANSWERER, ReviewKind.REVIEW, AnswerKind.RETRY, {"prompt": "x" * 4001}, "prompt: it has more than 4,000"),
        (ANSWERER, ReviewKind.REVIEW, AnswerKind.ACCEPT, {"why": "x" * 4001}, "why: it has more than 4,000"),
    ],
)  # fmt: skip
def test_an_answer_that_nobody_may_give_is_refused_by_name(
    person: Person, kind: ReviewKind, given: AnswerKind, words: AnswerWords, problem: str
) -> None:
    with pytest.raises(OptionError, match=problem):
        check_answer(person, item(kind), given, words)


def test_what_may_be_answered_passes() -> None:
    check_answer(ANSWERER, item(), AnswerKind.ACCEPT, {})
    check_answer(ANSWERER, item(ReviewKind.BLOCKED), AnswerKind.REFUSE, {"reason": "colour"})
    check_answer(ANSWERER, item(), AnswerKind.RETRY, {"prompt": "x" * MAX_ANSWER_CHARACTERS})
    overrider = Person("bob", frozenset({Scope.ANSWER, Scope.OVERRIDE}))
    check_answer(overrider, item(ReviewKind.BLOCKED), AnswerKind.ACCEPT, {"resolves": True})
