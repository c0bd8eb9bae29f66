"""What a page offers is what the service would take."""

from datetime import UTC, datetime
from itertools import product

import pytest

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.person import ALL_SCOPES, Person, Scope
from catalogs.errors import OptionError
from catalogs.reviews.review_details import ReviewDetails
from catalogs.reviews.review_item import ReviewItem, ReviewKind, ReviewSlot
from flows.web.review.permissions import Permissions
from tasks.reviews.answer_checks import check_answer

SCOPES = [frozenset(scopes) for scopes in ((), ("look",), ("look", "answer"), ("answer", "override"), tuple(Scope))]


def item(kind: ReviewKind, key: str = "x.jpg") -> ReviewItem:
    return ReviewItem("aa", kind, (ReviewSlot(b"1", "MUG", "front", "a", 0),), (), b"r", object=key)


@pytest.mark.parametrize(("kind", "scopes"), list(product(ReviewKind, SCOPES)))
def test_accepting_is_offered_to_those_who_may_and_to_nobody_else(kind: ReviewKind, scopes: frozenset[Scope]) -> None:
    person, shown = Person("ann", frozenset(map(Scope, scopes))), item(kind)
    offered = Permissions.of(person, shown, ReviewDetails()).accept
    if offered:
        check_answer(person, shown, AnswerKind.ACCEPT, {})
    else:
        with pytest.raises(OptionError, match="ann may not do that"):
            check_answer(person, shown, AnswerKind.ACCEPT, {})


def test_a_conflict_is_ended_by_whoever_may_override_and_only_where_there_is_one() -> None:
    differing = ReviewDetails(conflict=(Answer(AnswerKind.ACCEPT, "Ann", datetime(2026, 11, 30, tzinfo=UTC)),))
    may = frozenset({Scope.LOOK, Scope.ANSWER})
    shown = item(ReviewKind.REVIEW)
    found = {
        (scopes, details.conflict != ()): Permissions.of(Person("Ben", scopes), shown, details).resolve
        for scopes in (may, may | {Scope.OVERRIDE})
        for details in (differing, ReviewDetails())
    }
    assert [key for key, resolves in found.items() if resolves] == [(may | {Scope.OVERRIDE}, True)]


@pytest.mark.parametrize("kind", [ReviewKind.REVIEW, ReviewKind.SAMPLE, ReviewKind.HELD])
def test_nobody_accepts_a_picture_that_cannot_be_shown(kind: ReviewKind) -> None:
    everything = Person("Ann", ALL_SCOPES)
    assert Permissions.of(everything, item(kind), ReviewDetails()).accept
    assert not Permissions.of(everything, item(kind, ""), ReviewDetails()).accept
    with pytest.raises(OptionError, match="is no longer stored"):
        check_answer(everything, item(kind, ""), AnswerKind.ACCEPT, {})
    check_answer(everything, item(kind, ""), AnswerKind.REFUSE, {"reason": "other", "why": "gone"})
    assert Permissions.of(everything, item(ReviewKind.PROMPT, ""), ReviewDetails()).accept, "there is none to see"
    check_answer(everything, item(ReviewKind.PROMPT, ""), AnswerKind.ACCEPT, {})
