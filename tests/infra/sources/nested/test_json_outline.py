"""Where the records of a JSON document are, found without parsing it, wherever the pieces of the stream end."""

import io
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.sources.nested import json_outline
from infra.sources.nested.json_outline import BrokenDocument, find_record_lists

ROWS = [{"sku": "1", "title": 'a,]}{["\\'}, {"sku": "2", "images": [{"src": "x"}]}]


def found(document: bytes) -> Any:
    lists = find_record_lists(io.BytesIO(document))
    return None if lists is None else {each.path: document[each.start : each.start + each.size] for each in lists}


def test_lists_of_objects_are_found_outside_of_other_lists() -> None:
    document = {"meta": {"langs": ["en"], "n": [1]}, "data": {"products": ROWS, "empty": []}, "shops": [{"id": 1}]}
    lists = found(json.dumps(document).encode())
    assert list(lists) == ["data.products", "shops"]
    assert json.loads(b"[" + lists["data.products"] + b"]") == ROWS


def test_a_document_that_is_a_list_has_the_path_of_a_dot() -> None:
    assert list(found(json.dumps(ROWS, indent=2).encode())) == ["."]


def test_objects_in_a_row_are_no_document() -> None:
    assert found(b'{"sku": 1}\n{"sku": 2}') is None
    assert found(b'{"sku": {"a": [1]}}{"sku": 2}') is None


def test_a_document_without_lists_of_objects_has_none() -> None:
    for document in (b"{}", b"[]", b"[1, 2]", b'{"a": {"b": 1}}', b'[["a"]]', b'"text"', b"null", b" "):
        assert found(document) == {}


@pytest.mark.parametrize("document", [b'[{"a": 1}', b'{"a": [{"b": 1}]', b'[{"a": "x', b'[{"a": "x\\'])
def test_a_document_that_is_cut_off_says_so(document: bytes) -> None:
    with pytest.raises(BrokenDocument, match=r"ends before its last bracket or string is closed \(cut off\?\)"):
        found(document)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text('ab"\\{}[],:\n é', max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('k"\\:é', max_size=3), inner, max_size=3),
        max_leaves=12,
    ),
    st.integers(1, 9),
)
def test_the_pieces_of_the_stream_change_nothing(value: Any, size: int) -> None:
    document = json.dumps({"head": value, "rows": [{"v": value}], "tail": value}, ensure_ascii=size % 2 == 0).encode()
    whole = found(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_outline, "CHUNK_BYTES", size)
        assert found(document) == whole
    assert json.loads(b"[" + whole["rows"] + b"]") == [{"v": value}]


def test_s7_backslashes_without_end_are_refused() -> None:
    with pytest.raises(BrokenDocument, match="backslashes in a row"):
        found(b'"' + b"\\" * (json_outline.CHUNK_BYTES + (1 << 17)))


def test_s7_an_object_of_many_keys_and_lists_takes_no_longer_than_its_size() -> None:
    document = b"{" + b",".join(b'"%d":[{}]' % number for number in range(200_000)) + b"}"
    started = time.process_time()
    assert len(found(document)) <= json_outline.MAX_WRAPPER_MARKS
    assert time.process_time() - started < 5
