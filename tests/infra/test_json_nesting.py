"""The depth of JSON text: never too low, whatever strings and escapes hold."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.json_nesting import MAX_DEPTH, nesting_depth

HOSTILE = st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", "\n", "}\n{", "[" * 40, "x"])).map("".join)


def depth_by_reading(text: str) -> int:
    """Return the depth that a parser reaches, byte after byte; it stops at a backslash outside of strings."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            if not in_string:
                break
            escaped = True
        elif character == '"':
            in_string = not in_string
        elif not in_string:
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(character, 0)
            deepest = max(deepest, depth)
    return deepest


@settings(max_examples=500, deadline=None)
@given(HOSTILE)
def test_the_depth_is_never_too_low(text: str) -> None:
    assert nesting_depth(text.encode()) >= depth_by_reading(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20)), max_size=80))
def test_flat_rows_are_flat_whatever_their_text_is(rows: list[dict[str, str]]) -> None:
    text = "\n".join(json.dumps(row) for row in rows).encode()
    assert nesting_depth(text) <= MAX_DEPTH


def test_brackets_in_text_are_no_nesting() -> None:
    row = {"title": "[" * 1000, "note": 'a "quoted" [' * 200, "path": "\\" * 7}
    assert nesting_depth(json.dumps(row).encode()) == 1


def test_many_shallow_lists_are_shallow() -> None:
    rows = b'{"views": ["front", "side"], "sizes": [[1], [2]]}\n' * 1000
    assert nesting_depth(rows) == 3


def test_what_is_deep_is_found_behind_any_number_of_rows() -> None:
    nested: Any = "x"
    for _ in range(100):
        nested = [nested]
    rows = b'{"sku": "1"}\n' * 1000 + json.dumps({"a": nested}).encode() + b"\n" + b'{"sku": "1"}\n' * 1000
    assert nesting_depth(rows) == 101
