"""Fields of JSON lines: all of them are learned, and their number is bounded before Arrow makes a cell for each."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sources import json_fields
from infra.sources.json_fields import MAX_FIELDS, FieldLearner, TooManyFields, parse_rows

VALUES = st.none() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES), min_size=1, max_size=30)


def learned(text: bytes) -> tuple[int, pa.Schema]:
    learner = FieldLearner()
    return sum(learner.read(text)), learner.fields


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(10, 60))
def test_every_field_of_any_line_is_learned_and_every_row_comes_back(
    rows: list[dict[str, float | None]], infer_bytes: int
) -> None:
    text = lines(*rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_fields, "INFER_BYTES", infer_bytes)
        patch.setattr(json_fields, "MAX_CELLS", 2_000)
        count, fields = learned(text)
        assert (count, set(fields.names)) == (len(rows), {name for row in rows for name in row})
        if fields.names:
            found = [row for table in parse_rows(text, fields) for row in table.to_pylist()]
            assert found == [{name: row.get(name) for name in fields.names} for row in rows]


def test_rows_written_over_several_lines_are_not_divided_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_fields, "INFER_BYTES", 64)
    rows = [{"sku": f"{number}", "price": number / 2} for number in range(50)]
    text = "\n".join(json.dumps(row, indent=2) for row in rows).encode()
    assert learned(text)[0] == 50


def test_nested_fields_count_like_others() -> None:
    text = lines({"a": {f"f{number}": 1 for number in range(MAX_FIELDS)}})
    with pytest.raises(TooManyFields, match="more than 2,000 fields"):
        learned(text)


def test_a_field_more_on_each_line_ends_the_reading() -> None:
    with pytest.raises(TooManyFields, match="more than 2,000 fields"):
        learned(lines(*({f"field-{number}": number} for number in range(20_000))))


def test_objects_times_fields_on_one_line_are_bounded() -> None:
    keys = {f"f{number}": 1 for number in range(1_500)}
    with pytest.raises(TooManyFields, match=r"a line has 20,0\d\d objects of up to 1,50\d fields"):
        learned(lines({"a": [{}] * 20_000 + [keys]}))


def test_a_line_of_many_small_objects_is_read() -> None:
    rows, fields = learned(lines({"sku": "1", "parts": [{"name": "a", "count": 2}] * 20_000}))
    assert (rows, fields.names) == (1, ["sku", "parts"])


def test_an_endless_string_of_escapes_is_looked_at_once() -> None:
    with pytest.raises(pa.ArrowInvalid):
        learned(b'{"a": "' + b'\\"' * 500_000)
