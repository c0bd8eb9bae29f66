"""Standing answers: which of several answers counts, in any order."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose, ImageTarget
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers

ACCEPT, REFUSE, RETRY, UNDO = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY, AnswerKind.UNDO
WHEN = datetime(2026, 11, 30, 8, tzinfo=UTC)
IMAGE = ImageTarget(b"r" * 32, b"i" * 32, "f1", b"p" * 32)


def given(token: str, who: str, kind: AnswerKind, **others: object) -> Answer:
    return Answer(kind, who, WHEN, image=IMAGE, token=token, **others)  # type: ignore[arg-type]


def standing(*answers: Answer) -> StandingAnswer | None:
    mixed = random.Random(7).sample(answers, len(answers))
    return StandingAnswers(mixed).of_image(*IMAGE.key)


def test_of_one_person_the_newest_answer_counts() -> None:
    found = standing(given("1", "anna", REFUSE), given("2", "anna", ACCEPT))
    assert found is not None
    assert found.verdict == ACCEPT


def test_an_undone_answer_lets_the_one_before_count() -> None:
    undone = given("3", "anna", UNDO, undoes="2")
    found = standing(given("1", "anna", REFUSE), given("2", "anna", ACCEPT), undone)
    assert found is not None
    assert found.verdict == REFUSE
    assert standing(given("2", "anna", ACCEPT), undone) is None


def test_people_who_differ_bind_nothing_until_one_of_them_ends_it() -> None:
    pair = given("1", "anna", REFUSE), given("2", "ben", ACCEPT)
    found = standing(*pair)
    assert found is not None
    assert found.verdict is None
    assert [answer.who for answer in found.conflict] == ["anna", "ben"]
    ended = standing(*pair, given("3", "cleo", REFUSE, resolves=True))
    assert ended is not None
    assert ended.verdict == REFUSE
    again = standing(*pair, given("3", "cleo", REFUSE, resolves=True), given("4", "dora", ACCEPT))
    assert again is not None
    assert again.verdict is None
    assert found.token != ended.token != again.token


def test_the_answers_that_count_are_named_whether_people_differ_or_agree() -> None:
    agreed = [given("1", "anna", REFUSE), given("2", "anna", ACCEPT), given("3", "ben", ACCEPT)]
    for answers, counted in (
        (agreed, ["2", "3"]),
        ([*agreed, given("4", "cleo", REFUSE)], ["2", "3", "4"]),
        ([*agreed, given("4", "cleo", REFUSE, resolves=True)], ["4"]),
    ):
        found = standing(*answers)
        assert found is not None
        assert [answer.token for answer in found.counted] == counted


def test_an_answer_to_a_known_item_changes_nothing() -> None:
    assert standing(given("1", "anna", REFUSE, purpose=AnswerPurpose.KNOWN)) is None


def test_other_pixels_and_other_finishes_are_not_answered() -> None:
    answers = StandingAnswers([given("1", "anna", ACCEPT)])
    assert answers.of_image(b"i" * 32, "f1", b"q" * 32) is None
    assert answers.of_image(b"i" * 32, "f2", b"p" * 32) is None
    assert [each.verdict for each in answers.of_other_finishes(b"i" * 32, "f2")] == [ACCEPT]
    assert list(answers.of_other_finishes(b"i" * 32, "f1")) == []


def test_two_edited_prompts_differ_and_what_counts_is_the_newest_of_those_who_agree() -> None:
    edits = given("1", "anna", RETRY, prompt="a mug"), given("2", "ben", RETRY, prompt="a cup")
    found = standing(*edits)
    assert found is not None
    assert (found.verdict, found.token) == (None, "1+2")
    agreed = standing(given("1", "anna", ACCEPT), given("2", "ben", ACCEPT), given("3", "anna", ACCEPT))
    assert agreed is not None
    assert (agreed.verdict, agreed.token) == (ACCEPT, "3")


def readmitted(token: str, *skus: str) -> Answer:
    return Answer(AnswerKind.READMISSION, "ben", WHEN, details={"skus": list(skus)}, token=token)


@pytest.mark.parametrize(
    ("kind", "readmissions", "is_lifted"),
    [
        (REFUSE, ["3"], True),
        (REFUSE, ["1"], False),
        (REFUSE, ["3", "1"], True),
        (REFUSE, ["1", "3"], True),
        (ACCEPT, ["3"], False),
        (RETRY, ["3"], False),
    ],
)
def test_the_newest_readmission_lifts_an_earlier_refusal_of_its_sku_and_nothing_else(
    kind: AnswerKind, readmissions: list[str], is_lifted: bool
) -> None:
    answers = StandingAnswers([given("2", "anna", kind), *(readmitted(token, "mug") for token in readmissions)])
    (found,) = answers
    assert (answers.is_lifted(found, "mug"), answers.is_lifted(found, "cup")) == (is_lifted, False)


def test_answers_about_one_finish_are_found_whatever_the_pixels() -> None:
    other = replace(IMAGE, finish_digest="f2"), replace(IMAGE, pixel_sha=b"q" * 32)
    answers = StandingAnswers(
        [given("1", "anna", ACCEPT), *(replace(given("2", "anna", REFUSE), image=i) for i in other)]
    )
    assert sorted(each.verdict or "" for each in answers.of_finish(b"i" * 32, "f1")) == ["accept", "refuse"]
    assert [each.verdict for each in answers.of_finish(b"i" * 32, "f2")] == [REFUSE]
