"""Documents cut into lines: the same values, one a line, wherever the pieces of the stream end."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.sources.nested import json_elements, json_outline
from infra.sources.nested.json_elements import list_elements, objects_in_a_row
from infra.sources.nested.json_outline import BrokenDocument

VALUES = st.lists(
    st.dictionaries(
        st.sampled_from(["sku", "a b", 'q"']),
        st.none() | st.integers(0, 9) | st.text('x"\\{}[],\n é', max_size=6) | st.lists(st.integers(0, 3), max_size=2),
        max_size=3,
    ),
    max_size=5,
)


def parsed(pieces: list[bytes]) -> list[Any]:
    return [json.loads(line) for piece in pieces for line in piece.splitlines() if line.strip()]


@given(VALUES, st.sampled_from([None, 1]), st.integers(1, 12))
def test_elements_of_a_list_stand_on_lines_of_their_own(values: list[Any], indent: int | None, size: int) -> None:
    text = json.dumps(values, indent=indent)[1:] + ', "more": [1]'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_outline, "CHUNK_BYTES", size)
        assert parsed(list(list_elements(io.BytesIO(text.encode())))) == values


@given(VALUES, st.sampled_from([None, 1]), st.integers(1, 12))
def test_objects_in_a_row_stand_on_lines_of_their_own(values: list[Any], indent: int | None, size: int) -> None:
    text = "\r\n".join(json.dumps(value, indent=indent) for value in values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_outline, "CHUNK_BYTES", size)
        assert parsed(list(objects_in_a_row(io.BytesIO(text.encode())))) == values


def test_a_list_without_an_end_says_so() -> None:
    with pytest.raises(BrokenDocument, match="ends before the list of its records does"):
        list(list_elements(io.BytesIO(b'{"a": 1}, {"b": 2}')))


def test_s7_a_record_without_an_end_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_outline, "CHUNK_BYTES", 100)
    monkeypatch.setattr(json_elements, "MAX_LINE_BYTES", 1000)
    for cut in (list_elements, objects_in_a_row):
        with pytest.raises(BrokenDocument, match="has a record of more than 0 MB"):
            list(cut(io.BytesIO(b'{"a": "' + b"x" * 5000 + b'"}]')))
