"""Cells are taken apart and put together again as a plain loop would do it."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.photos.cell_references import MAX_REFERENCES, TOO_MANY, hex_texts, join_tokens, split_cells

CELLS = st.lists(st.none() | st.text("ab| ,", max_size=8), max_size=12)


@given(CELLS, st.sampled_from([None, "|", ", "]))
def test_tables_say_what_a_plain_loop_says(cells: list[str | None], separator: str | None) -> None:
    split = split_cells(pa.array(cells, pa.string()), separator)
    found = join_tokens(split, pa.array([f"<{text}>" for text in split.references.to_pylist()], pa.string()))
    parts = [(cell or "").split(separator) if separator else [cell or ""] for cell in cells]
    assert found.to_pylist() == [" ".join(f"<{part.strip()}>" for part in cell if part.strip()) for cell in parts]
    assert len(set(split.references.to_pylist())) == len(split.references)


@pytest.mark.parametrize(("count", "expected"), [(MAX_REFERENCES, {"a"}), (MAX_REFERENCES + 1, {TOO_MANY})])
def test_a_cell_of_very_many_references_is_one_that_nothing_can_be(count: int, expected: set[str]) -> None:
    split = split_cells(pa.chunked_array([["|".join(["a"] * count)]]), "|")
    assert set(split.references.to_pylist()) == expected


def test_a_column_of_another_text_type_is_taken() -> None:
    split = split_cells(pa.array(["a", "b", None], pa.large_string()), None)
    assert join_tokens(split, split.references).to_pylist() == ["a", "b", ""]


@given(st.lists(st.one_of(st.none(), st.binary(min_size=32, max_size=32))), st.integers(0, 3))
def test_digests_are_texts_in_hex_wherever_a_slice_begins(digests: list[bytes | None], start: int) -> None:
    column = pa.array(digests, pa.binary(32))
    wanted = [None if digest is None else digest.hex() for digest in digests]
    assert hex_texts(column.slice(start)).to_pylist() == wanted[start:]
    assert hex_texts(pa.chunked_array([column, column], pa.binary(32))).to_pylist() == wanted * 2
