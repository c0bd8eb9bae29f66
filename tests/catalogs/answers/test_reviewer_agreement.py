"""Agreement and errors: by hand, and by what they must not count."""

import pytest

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose
from catalogs.answers.reviewer_agreement import KnownAnswers, measure_agreement, measure_known
from tests.fixtures.given_answers import START, image

ACCEPT, REFUSE, RETRY, UNDO = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY, AnswerKind.UNDO


def said(token: str, who: str, number: int, kind: AnswerKind, **others: object) -> Answer:
    return Answer(kind, who, START, image=image(number), token=token, **others)  # type: ignore[arg-type]


def pairs(*counts: tuple[AnswerKind, AnswerKind, int]) -> list[Answer]:
    """Return answers of two people to so many images each."""
    answers: list[Answer] = []
    for first, second, count in counts:
        for _ in range(count):
            number = len(answers)
            answers += [said(f"{number:06}", "ada", number, first), said(f"{number:06}b", "ben", number, second)]
    return answers


def test_kappa_is_cohens() -> None:
    """20 and 15 images agreed, 5 and 10 not: 70 % raw, 50 % by chance, kappa 0.4 (a textbook table)."""
    agreement = measure_agreement(
        pairs((ACCEPT, ACCEPT, 20), (ACCEPT, REFUSE, 5), (REFUSE, ACCEPT, 10), (RETRY, REFUSE, 15))
    )
    assert (agreement.images, agreement.agreed, agreement.rate.value) == (50, 35, 0.7)
    assert agreement.kappa.value == pytest.approx(0.4)
    assert (agreement.kappa.low, agreement.kappa.high) == (
        pytest.approx(0.146, abs=0.001),
        pytest.approx(0.654, abs=0.001),
    )


def test_two_people_who_accept_everything_agree_and_show_nothing() -> None:
    agreement = measure_agreement(pairs((ACCEPT, ACCEPT, 30)))
    assert agreement.rate.value == 1.0
    assert agreement.kappa.value is None
    assert measure_agreement([]).rate.value is None


def test_kappa_is_never_below_minus_one() -> None:
    agreement = measure_agreement(pairs((ACCEPT, ACCEPT, 1), (ACCEPT, REFUSE, 5), (REFUSE, ACCEPT, 5)))
    assert agreement.kappa.value == pytest.approx(-5 / 6)
    assert agreement.kappa.low == -1.0


def test_undone_answers_those_that_end_a_conflict_and_known_items_are_no_agreement() -> None:
    answers = [
        said("1", "ada", 1, ACCEPT),
        said("2", "ben", 1, ACCEPT),
        said("3", "ben", 1, UNDO, undoes="2"),
        said("4", "cleo", 1, REFUSE, resolves=True),
        said("5", "dora", 1, REFUSE, purpose=AnswerPurpose.KNOWN),
    ]
    assert measure_agreement(answers).images == 0
    assert measure_agreement([*answers, said("6", "eve", 1, REFUSE)]) == measure_agreement(
        [said("1", "ada", 1, ACCEPT), said("6", "eve", 1, REFUSE)]
    )


def test_a_known_answer_is_what_two_others_agree_on() -> None:
    truth = [said("1", "ada", 1, ACCEPT), said("2", "ben", 1, ACCEPT), said("3", "ada", 2, REFUSE)]
    truth += [said("4", "ben", 2, RETRY), said("5", "ada", 3, ACCEPT), said("6", "ben", 3, REFUSE)]
    known = {"purpose": AnswerPurpose.KNOWN}
    tests = [said("7", "cleo", 1, REFUSE, **known), said("8", "cleo", 2, REFUSE, **known)]
    tests += [said("9", "cleo", 3, REFUSE, **known)]  # people differ about it
    tests += [said("a", "ben", 1, REFUSE, **known)]  # but for himself only one has answered
    assert measure_known(truth + tests) == {"cleo": KnownAnswers(2, 1)}
    corrected = [*tests, said("b", "cleo", 1, UNDO, undoes="7"), said("c", "cleo", 1, ACCEPT, **known)]
    assert measure_known(truth + corrected) == {"cleo": KnownAnswers(2, 0)}


def test_the_order_of_reading_changes_nothing() -> None:
    answers = pairs((ACCEPT, REFUSE, 3), (REFUSE, REFUSE, 4))
    assert measure_agreement(answers[::-1]) == measure_agreement(answers)
