"""Answers as rows: whatever a person answers, it is the same answer after a table and after a document."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.answer import IMAGE_KINDS, Answer, AnswerKind, AnswerPurpose, ImageTarget, parse_answer
from catalogs.answers.answer_rows import answers_in_rows, answers_to_rows
from catalogs.table_schemas import ANSWERS

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
DIGESTS = st.binary(min_size=32, max_size=32)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))

DETAILS = {
    AnswerKind.CHANNEL: {"channel": "ebay", "given": False, "pixel_shas": ["ab"], "skus": ["lämp"]},
    AnswerKind.RELEASE: {"run_id": "r1", "checks": ["retired-share"]},
    AnswerKind.READMISSION: {"skus": ["mug"]},
}


@st.composite
def images(draw: st.DrawFn) -> ImageTarget:
    request, reasons = draw(DIGESTS), tuple(draw(st.lists(TEXTS, max_size=3)))
    told = [draw(TEXTS) for _ in range(4)]
    bound = (draw(DIGESTS), "f" * 64, draw(DIGESTS)) if draw(st.booleans()) else (b"", "", b"")
    collides = draw(st.one_of(st.just(b""), DIGESTS))
    return ImageTarget(request, *bound, collides, told[0], reasons, *told[1:], draw(st.integers(0, 2**15 - 1)))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    kind = draw(st.sampled_from(AnswerKind))
    return Answer(
        kind,
        draw(TEXTS),
        draw(TIMES),
        draw(TEXTS),
        draw(images()) if kind in IMAGE_KINDS else None,
        draw(TEXTS),
        draw(TEXTS),
        draw(st.none() | st.floats(0, 1e6)),
        draw(st.sampled_from(AnswerPurpose)),
        draw(TEXTS),
        draw(st.booleans()),
        DETAILS.get(kind, draw(st.sampled_from([None, {"skus": ["mug", "lämp"]}]))),
        draw(TEXTS),
    )


@given(st.lists(answers(), max_size=5))
def test_answers_are_the_same_after_a_table_and_after_a_document(given_answers: list[Answer]) -> None:
    rows = answers_to_rows(given_answers)
    assert rows.schema == ANSWERS
    assert list(answers_in_rows(rows)) == given_answers
    assert [parse_answer(answer.document(), answer.token) for answer in given_answers] == given_answers


def test_details_that_are_no_object_are_refused_where_they_are_asked_for() -> None:
    rows = answers_to_rows(
        [Answer(AnswerKind.READMISSION, "anna", datetime(2026, 11, 30, tzinfo=UTC), details={"a": 1})]
    )
    column = rows.schema.get_field_index("details")
    (answer,) = answers_in_rows(rows.set_column(column, rows.schema.field(column), [["[1]"]]))
    assert answer.details is not None
    with pytest.raises(TypeError, match="details are a list"):
        answer.details["a"]
