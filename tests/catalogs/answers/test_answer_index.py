"""Answers found by request say what the fold of all answers says, and only the edits that stand are edits."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_index import AnswerIndex, newest_planned_token
from catalogs.answers.answer_rows import answers_to_rows
from catalogs.answers.standing_answers import StandingAnswers

START = datetime(2026, 11, 30, 8, tzinfo=UTC)


def image(number: int) -> ImageTarget:
    return ImageTarget(b"%032d" % (number // 2), b"%032d" % number, "f1", b"p" * 32, sku=f"sku-{number}")


def say(number: int, kind: AnswerKind, target: ImageTarget, who: str = "anna", **other: Any) -> Answer:
    return Answer(kind, who, START + timedelta(minutes=number), image=target, token=f"{number:04}", **other)


def index_of(*answers: Answer) -> AnswerIndex:
    return AnswerIndex(answers_to_rows(answers))


KINDS = st.sampled_from([AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY])


@given(st.lists(st.tuples(KINDS, st.integers(0, 7), st.sampled_from(["anna", "ben"])), max_size=20), st.randoms())
def test_a_request_has_the_answers_that_the_fold_of_all_gives_it(
    drawn: Sequence[tuple[AnswerKind, int, str]], random: Any
) -> None:
    answers = [say(number, kind, image(target), who) for number, (kind, target, who) in enumerate(drawn)]
    everything = StandingAnswers(answers)
    index = index_of(*random.sample(answers, len(answers)))
    for number in range(8):
        target = image(number)
        assert index.of_request(target.request_key).of_image(*target.key) == everything.of_image(*target.key)
    assert index.newest_token == max((answer.token for answer in answers), default="")


def test_a_request_without_answers_has_none_and_an_empty_index_too() -> None:
    assert len(AnswerIndex().of_request(b"r" * 32)) == 0
    assert len(index_of(say(1, AnswerKind.ACCEPT, image(0))).of_request(b"r" * 32)) == 0
    assert AnswerIndex().edits == {}


def test_a_readmission_lifts_a_refusal_of_any_request() -> None:
    back = Answer(AnswerKind.READMISSION, "ben", START, details={"skus": ["sku-0"]}, token="0002")  # noqa: S106
    later = say(3, AnswerKind.REFUSE, image(2), reason="colour")
    index = index_of(say(1, AnswerKind.REFUSE, image(0), reason="colour"), later, back)
    answers = index.of_request(image(0).request_key)
    standing = answers.of_image(*image(0).key)
    assert standing is not None
    assert [answers.is_lifted(standing, sku) for sku in ("sku-0", "sku-1")] == [True, False]
    assert len(index) == 2
    assert index.of_request(image(2).request_key).is_lifted(standing, "sku-0"), "whatever request was asked about"


def test_the_newest_edit_of_a_request_counts_until_it_is_undone_or_an_image_is_accepted() -> None:
    edit = say(1, AnswerKind.RETRY, image(0), prompt="a red mug")
    newer = say(2, AnswerKind.RETRY, image(1), prompt="a blue mug")
    key = image(0).request_key
    assert {request: each.answer.prompt for request, each in index_of(edit, newer).edits.items()} == {key: "a blue mug"}
    undone = say(3, AnswerKind.UNDO, image(1), undoes=newer.token)
    assert index_of(edit, newer, undone).edits[key].answer.prompt == "a red mug"
    assert index_of(edit, say(2, AnswerKind.ACCEPT, image(1))).edits == {}
    assert index_of(edit, say(2, AnswerKind.REFUSE, image(0), "ben")).edits == {}, "people differ"
    assert index_of(say(1, AnswerKind.RETRY, image(0))).edits == {}


def test_a_prompt_of_which_no_image_was_made_may_be_edited_too() -> None:
    prompt = ImageTarget(b"r" * 32, sku="sku-0")
    index = index_of(say(1, AnswerKind.RETRY, prompt, prompt="a mug"))
    assert index.edits[b"r" * 32].answer.prompt == "a mug"


def test_a_held_batch_s_release_is_no_answer_that_a_plan_takes() -> None:
    """Otherwise a release that died before its commit would be planned anew, and asked about again."""
    accepted = say(1, AnswerKind.ACCEPT, image(1))
    released = replace(say(2, AnswerKind.RELEASE, image(1)), image=None, details={"run_id": "r1", "checks": ["look"]})
    readmitted = replace(say(3, AnswerKind.READMISSION, image(1)), image=None, details={"skus": ["mug"]})
    assert newest_planned_token(answers_to_rows([accepted, released])) == accepted.token
    assert newest_planned_token(answers_to_rows([accepted, released, readmitted])) == readmitted.token
    assert newest_planned_token(answers_to_rows([released])) == ""


def test_only_requests_with_an_answer_later_than_a_token_are_since_it() -> None:
    index = index_of(say(1, AnswerKind.ACCEPT, image(0)), say(2, AnswerKind.ACCEPT, image(2)))
    assert index.requests_since("0001").to_pylist() == [image(2).request_key]
    assert index.requests_since("0002").to_pylist() == []


def test_requests_are_retried_whose_prompt_nobody_edited() -> None:
    edit = say(1, AnswerKind.RETRY, image(0), prompt="a red mug")
    index = index_of(edit, say(2, AnswerKind.RETRY, image(2)), say(3, AnswerKind.REFUSE, image(4)))
    assert index.retried_requests == [image(2).request_key]
