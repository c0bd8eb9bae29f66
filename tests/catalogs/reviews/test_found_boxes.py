"""Places that scanners found become boxes in shares of the frame; what has another shape is left out."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.reviews.found_boxes import MAX_BOXES, boxes_from_details, boxes_from_json, boxes_to_json
from catalogs.reviews.review_item import Box

WORD = {"text": "SALE", "confidence": 0.95, "corners": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.3], [0.1, 0.3]]}
JSON = st.recursive(
    st.none() | st.floats() | st.text() | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
)


def test_words_and_detections_have_one_form() -> None:
    seen = {"class": "FEMALE_BREAST_EXPOSED", "confidence": 0.7, "box": [50, 100, 100, 50]}
    assert boxes_from_details({"nudity": [seen], "text": [WORD]}, 200, 400) == [
        Box("text: SALE", 0.1, 0.2, 0.4, 0.3, 0.95), Box("nudity: female breast exposed", 0.25, 0.25, 0.75, 0.375, 0.7),
    ]  # fmt: skip


def test_a_seam_that_was_read_as_a_letter_is_no_box_and_a_poster_has_a_bound() -> None:
    assert boxes_from_details({"text": [WORD | {"confidence": 0.5}]}, 10, 10) == []
    poster = [WORD | {"text": str(number)} for number in range(100)]
    assert len(boxes_from_details({"text": poster}, 10, 10)) == MAX_BOXES


def test_boxes_survive_being_stored() -> None:
    boxes = (Box("text: SALE", 0.1, 0.2, 0.4, 0.3, 0.95), Box("product", 0.0, 0.0, 1.0, 1.0))
    assert boxes_from_json(boxes_to_json(boxes)) == boxes
    assert boxes_to_json([]) is None


@settings(max_examples=40)
@given(JSON)
def test_details_and_stored_boxes_of_another_shape_give_none(value: Any) -> None:
    for box in (*boxes_from_details({"text": value}, 10, 10), *boxes_from_json(json.dumps(value))):
        assert box.is_inside
