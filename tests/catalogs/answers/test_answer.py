"""Answers as documents: what is written is read back, and a wrong shape is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from catalogs.answers.answer import Answer, AnswerKind, AnswerPurpose, ImageTarget, parse_answer

WHEN = datetime(2026, 11, 30, 8, tzinfo=UTC)
IMAGE = ImageTarget(b"r" * 32, b"i" * 32, "f" * 64, b"p" * 32, b"", "review", ("blurred",), "mug", "front", "a", 1)


def test_an_answer_is_read_back_as_it_was_written() -> None:
    answer = Answer(
        AnswerKind.RETRY,
        "anna",
        WHEN,
        "too dark",
        IMAGE,
        "",
        "a red mug",
        3.5,
        AnswerPurpose.DOUBLE,
        "",
        True,
        None,
        "t1",
    )
    assert parse_answer(answer.document(), "t1") == answer


def test_an_answer_about_a_prompt_is_bound_to_its_request() -> None:
    prompt = ImageTarget(b"r" * 32)
    assert prompt.is_prompt
    assert prompt.key == (b"r" * 32, "", b"")
    assert IMAGE.key == (b"i" * 32, "f" * 64, b"p" * 32)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "praise"},
        {"target": None},
        {"when": "2026-11-30T08:00:00"},
        {"who": 7},
        {"target": {"image_key": "00"}},
        {"target": {"request_key": "aa", "index": -1}},
        {"target": {"request_key": "aa", "index": 2**15}},
        {"seconds": -0.1},
        {"seconds": float("inf")},
        {"seconds": float("nan")},
    ],
    ids=["unknown kind", "no image", "no zone", "no name", "no pixels", "index below 0", "index too high",
         "seconds below 0", "endless seconds", "no seconds"],
)  # fmt: skip
def test_a_document_of_a_wrong_shape_is_refused(change: dict[str, object]) -> None:
    document = Answer(AnswerKind.ACCEPT, "anna", WHEN, image=IMAGE).document() | change
    with pytest.raises((ValueError, TypeError, KeyError)):
        parse_answer({name: value for name, value in document.items() if value is not None}, "t1")


def test_half_a_letter_is_replaced_and_only_true_ends_a_conflict() -> None:
    document = Answer(AnswerKind.ACCEPT, "anna", WHEN, image=IMAGE).document()
    read = parse_answer(document | {"who": "an\ud800na", "resolves": "yes"}, "t1")
    assert (read.who, read.resolves) == ("an?na", False)


def test_an_answer_repeats_one_that_says_the_same_and_does_no_less() -> None:
    when = datetime(2026, 11, 30, tzinfo=UTC)
    said = Answer(AnswerKind.REFUSE, "ann", when, "a crack", IMAGE, "other", seconds=2.0)
    assert replace(said, seconds=9.0, when=when.replace(hour=5), token="later").repeats(said)  # noqa: S106
    others: list[dict[str, Any]] = [{"who": "ben"}, {"why": ""}, {"reason": "colour"}]
    others += [{"kind": AnswerKind.ACCEPT}, {"prompt": "x"}]
    for changes in others:
        assert not replace(said, **changes).repeats(said), changes
    ending = replace(said, resolves=True)
    assert (said.repeats(ending), ending.repeats(said)) == (True, False)


def test_an_answer_is_taken_back_by_its_token_for_the_same_image_and_purpose() -> None:
    when = datetime(2026, 11, 30, tzinfo=UTC)
    said = Answer(AnswerKind.ACCEPT, "ann", when, image=IMAGE, purpose=AnswerPurpose.SAMPLE, token="t1")  # noqa: S106
    undo = said.taken_back("ann", when)
    assert (undo.kind, undo.undoes, undo.image, undo.purpose) == (AnswerKind.UNDO, "t1", IMAGE, AnswerPurpose.SAMPLE)
