"""The answer log on a store in memory."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from infra.stores.memory import MemoryStore
from tasks.answers.answer_log import next_token, read_answers, read_standing_answers, write_answer

IMAGE = ImageTarget(b"r" * 32, b"i" * 32, "f1", b"p" * 32)
ACCEPTED = Answer(AnswerKind.ACCEPT, "anna", datetime(2026, 11, 30, tzinfo=UTC), image=IMAGE)


def test_an_answer_is_read_back_with_its_token() -> None:
    store = MemoryStore("answers")
    written = write_answer(store, "home", ACCEPTED)
    assert read_answers(store, "home") == [written]
    found = read_standing_answers(store, "home").of_image(*IMAGE.key)
    assert found is not None
    assert found.token == written.token


def test_a_later_answer_has_a_later_token_whatever_the_clock_says() -> None:
    ahead = "29991231T235959999999-00000000"
    assert next_token(MemoryStore("answers"), ahead) > ahead
    undo = replace(ACCEPTED, kind=AnswerKind.UNDO, undoes=ahead)
    assert write_answer(MemoryStore("answers-ahead"), "home", undo).token > ahead


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"seconds": -5.0}, "none below 0"),
        ({"seconds": float("inf")}, "a number of seconds"),
        ({"image": None}, "name their image"),
        ({"image": replace(IMAGE, pixel_sha=b"")}, "an image is named by"),
        ({"image": replace(IMAGE, index=-1)}, "an image's number"),
        ({"when": datetime(2026, 11, 30)}, "a time without a zone"),
    ],
)
def test_what_could_not_be_read_back_is_never_written(change: dict[str, Any], problem: str) -> None:
    """One such object in the store would end every later run of the catalogue."""
    store = MemoryStore("refused-answers")
    with pytest.raises(ValueError, match=problem):
        write_answer(store, "home", replace(ACCEPTED, **change))
    assert list(store.list("")) == []


def test_answers_of_some_requests_come_with_the_readmissions_that_may_lift_them_and_no_others() -> None:
    store, given = MemoryStore("some-answers"), [ACCEPTED]
    given += [Answer(AnswerKind.READMISSION, "ben", ACCEPTED.when, details={"skus": ["mug"]})]
    given += [replace(ACCEPTED, image=replace(IMAGE, request_key=b"q" * 32))]
    given += [Answer(AnswerKind.RELEASE, "ben", ACCEPTED.when, details={"run_id": "r1", "checks": []})]
    written = [write_answer(store, "home", each) for each in given]
    write_answer(store, "garden", ACCEPTED)
    found = read_answers(store, "home", request_keys=pa.array([IMAGE.request_key], pa.binary()))
    assert {each.token for each in found} == {each.token for each in written[:2]}
    assert {each.token for each in read_answers(store, "home")} == {each.token for each in written}
