"""What is no document of the kind that is read ends in one sentence that names its key."""

import json
from typing import Any

import pytest

from infra.errors import ObjectMissing, StoreError
from infra.stores.stored_documents import reading


def number_in(document: Any) -> int:
    with reading("a/b.json", "a number"):
        return int(document["number"])


def test_what_is_read_is_returned() -> None:
    assert number_in({"number": "3"}) == 3


@pytest.mark.parametrize("document", [{}, {"number": "x"}, {"number": []}, [], None, "text", {"number": float("inf")}])
def test_another_shape_is_named_with_its_key_and_what_to_do(document: Any) -> None:
    with pytest.raises(
        StoreError, match=r"a/b\.json cannot be read as a number \(\w+\): it is damaged, .* move it away"
    ):
        number_in(document)


def test_a_document_that_is_missing_stays_missing() -> None:
    with pytest.raises(ObjectMissing), reading("a/b.json", "a number"):
        raise ObjectMissing("There is no object 'a/b.json'")


def test_nesting_that_a_parser_gives_up_on_is_an_error_like_any_other() -> None:
    with pytest.raises(StoreError, match="RecursionError"), reading("a/b.json", "a number"):
        json.loads("[" * 100_000)
