"""Answers kept one by one say the same as all of them folded at once."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose, ImageTarget
from catalogs.answers.standing_answers import StandingAnswers
from tasks.reviews.given_answers import GivenAnswers

NOW = datetime(2026, 11, 30, tzinfo=UTC)
IMAGES = [ImageTarget(b"r", b"k", finish, b"p") for finish in ("f", "g")] + [ImageTarget(b"q")]


def answer(token: int, who: str, kind: AnswerKind, image: int = 0, **changes: object) -> Answer:
    return Answer(kind, who, NOW, image=IMAGES[image], token=f"{token:03d}", **changes)  # type: ignore[arg-type]


ANSWERS = st.lists(
    st.builds(
        lambda who, kind, image, undoes, known: (who, kind, image, undoes, known),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from([AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.UNDO]),
        st.integers(0, 2),
        st.integers(0, 8),
        st.booleans(),
    ),
    max_size=9,
).map(
    lambda drawn: [
        answer(number, who, kind, image, undoes=f"{undoes:03d}" if kind == AnswerKind.UNDO else "",
               purpose=AnswerPurpose.KNOWN if known else AnswerPurpose.QUEUE)
        for number, (who, kind, image, undoes, known) in enumerate(drawn)
    ]
)  # fmt: skip


@settings(max_examples=60)
@given(ANSWERS, st.randoms())
def test_they_say_what_all_answers_folded_say_in_whatever_order_they_come(answers: list[Answer], order: object) -> None:
    shuffled = list(answers)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    given_answers, folded = GivenAnswers(shuffled), StandingAnswers(answers)
    for image in IMAGES:
        of_all = folded.of_prompt(b"q") if image.is_prompt else folded.of_image(b"k", image.finish_digest, b"p")
        assert given_answers.standing(image.key) == of_all


def test_known_items_are_those_on_which_two_people_agree_the_newest_first() -> None:
    given_answers = GivenAnswers(
        [answer(1, "ann", AnswerKind.ACCEPT), answer(2, "bob", AnswerKind.ACCEPT),
         answer(3, "ann", AnswerKind.REFUSE, 1), answer(4, "bob", AnswerKind.ACCEPT, 1),
         answer(5, "ann", AnswerKind.REFUSE, 2), answer(6, "bob", AnswerKind.REFUSE, 2)]
    )  # fmt: skip
    assert [key for key, _ in given_answers.agreed()] == [IMAGES[2].key, IMAGES[0].key]
    given_answers.add(answer(7, "bob", AnswerKind.UNDO, 0, undoes="002"))
    assert [key for key, _ in given_answers.agreed()] == [IMAGES[2].key]


def test_answers_of_the_same_image_in_another_finish_are_found_and_prompts_have_none() -> None:
    given_answers = GivenAnswers([answer(1, "ann", AnswerKind.ACCEPT, 1), answer(2, "ann", AnswerKind.ACCEPT, 2)])
    assert [each.token for each in given_answers.of_other_finishes(IMAGES[0].key)] == ["001"]
    assert given_answers.of_other_finishes(IMAGES[2].key) == []
    assert (given_answers.people(IMAGES[1].key), given_answers.newest_token) == ({"ann"}, "002")
    assert [each.token for each in given_answers.since("001")] == ["002"]


def test_what_was_asked_to_measure_a_person_makes_no_known_answer_and_what_was_undone_is_not_counted() -> None:
    first = answer(1, "ada", AnswerKind.ACCEPT)
    asked = answer(2, "ben", AnswerKind.ACCEPT, purpose=AnswerPurpose.KNOWN)
    assert GivenAnswers([first, asked]).agreed() == []
    agreed = GivenAnswers([first, answer(2, "ben", AnswerKind.ACCEPT)]).agreed()
    assert [key for key, _ in agreed] == [IMAGES[0].key]
    undo = answer(3, "ben", AnswerKind.UNDO, undoes=asked.token)
    assert GivenAnswers([first, asked, undo]).since("") == [first]
