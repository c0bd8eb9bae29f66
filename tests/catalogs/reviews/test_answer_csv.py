"""Answers as CSV: what is written is read back, formulas stay text, and a wrong cell is named."""

from dataclasses import replace

import pytest
from hypothesis import given as given_values
from hypothesis import strategies as st

from catalogs.answers.answer import AnswerKind
from catalogs.errors import OptionError
from catalogs.reviews.answer_csv import COLUMNS, answer_cells, item_cells, parse_cells
from catalogs.reviews.review_item import ReviewItem, ReviewKind, ReviewSlot
from tests.fixtures.given_answers import given, image

ITEM = ReviewItem(
    "x", ReviewKind.REVIEW, (ReviewSlot(b"s", "=mug()", "front", "a", 2),), ("blurred", "cropped"), b"r" * 32,
    prompt="a mug", image_key=b"i" * 32, finish_digest="f" * 64, pixel_sha=b"p" * 32, object="review/shoes/x.jpg",
)  # fmt: skip


def test_what_waits_is_a_row_without_an_answer() -> None:
    cells = item_cells(ITEM, "s3://shop/")
    assert list(cells) == list(COLUMNS)
    assert (cells["sku"], cells["reasons"], cells["image"]) == (
        "'=mug()",
        "blurred cropped",
        "s3://shop/review/shoes/x.jpg",
    )
    assert parse_cells(cells, 2, "ada") is None
    answered = parse_cells(cells | {"kind": " Accept "}, 2, "ada")
    assert answered is not None
    assert (answered.kind, answered.who, answered.binding) == (
        AnswerKind.ACCEPT, "ada", ((b"r" * 32).hex(), (b"i" * 32).hex(), "f" * 64, (b"p" * 32).hex()),
    )  # fmt: skip
    assert answered.item_id == f"{(b'i' * 32).hex()}-{'f' * 12}"


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20) | st.sampled_from(
    ["=1+1", "'@x", "-5", "''", "\n=1+1", "\t=1", "\r=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "'\uff1d1"]
)


@given_values(TEXTS, TEXTS, st.none() | st.floats(0, 1000).map(lambda seconds: float(f"{seconds:g}")))
def test_what_a_person_said_is_read_back(why: str, prompt: str, seconds: float | None) -> None:
    answer = replace(given(2), kind=AnswerKind.RETRY, why=why, prompt=prompt, seconds=seconds)
    cells = answer_cells(answer)
    assert not any(text.startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")) for text in cells.values())
    read = parse_cells(cells, 7, "somebody else")
    assert read is not None
    assert (read.kind, read.who, read.why, read.prompt, read.seconds) == (
        AnswerKind.RETRY,
        answer.who,
        why,
        prompt,
        seconds,
    )
    assert read.binding[1] == image(2).image_key.hex()


def test_a_label_studio_export_tells_its_seconds_by_another_name() -> None:
    cells = answer_cells(replace(given(2), seconds=None)) | {"lead_time": "12.5", "annotator": "3"}
    read = parse_cells(cells, 2, "")
    assert read is not None
    assert read.seconds == 12.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "praise"}, "kind: 'praise' is none of accept, refuse, retry"),
        ({"kind": "undo"}, "kind: 'undo'"),
        ({"kind": "refuse", "reason": "ugly"}, "reason: 'ugly' is none of wrong-product"),
        ({"who": ""}, "who: it is empty"),
        ({"image_key": "../../x"}, r"image_key: '\.\./\.\./x' is no key of 64 hex digits"),
        ({"request_key": ""}, "request_key: ''"),
        ({"seconds": "soon"}, "seconds: 'soon' is no number"),
        ({"seconds": "nan"}, "seconds: 'nan' is no time"),
    ],
)
def test_a_wrong_cell_is_named(change: dict[str, str], message: str) -> None:
    cells = answer_cells(replace(given(2), kind=AnswerKind.ACCEPT)) | change
    with pytest.raises(ValueError, match=message):
        parse_cells(cells, 2, "")


def test_a_person_has_a_name_that_pages_can_show() -> None:
    with pytest.raises(OptionError, match="no name of a person"):
        parse_cells(answer_cells(given(0)) | {"who": "ada\x07"}, 2, "")
