"""A document is parsed only within its bounds, and what is counted is what a parser would meet."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.bounded_json import parse_bounded_json, read_bounded_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}"\\ab\u00e9'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[{"\\'), inner, max_size=3),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_shallow_is_read_whatever_its_strings_hold(value: object) -> None:
    data = json.dumps(value).encode()
    assert parse_bounded_json(data, len(data)) == value


@given(st.binary(max_size=200) | st.text(alphabet='[]{}"\\,:0', max_size=200).map(str.encode))
def test_no_bytes_end_in_anything_but_a_value_or_a_reason(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_bounded_json(data, 200)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_that_would_end_a_parser_is_refused_before_it(opening: bytes) -> None:
    with pytest.raises(ValueError, match="nested 200000 deep, and at most 64"):
        parse_bounded_json(opening * 200_000, 10_000_000)


def test_no_more_than_the_limit_is_read_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_bytes(b"[]")
    assert read_bounded_json(path, 2) == []
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        read_bounded_json(path, 1000)
    with pytest.raises(ValueError, match="has 5 bytes, and at most 4"):
        parse_bounded_json(b"12345", 4)
