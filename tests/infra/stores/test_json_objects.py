"""Small documents: what goes in comes out, and what JSON does not know is written as text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import DocumentUnreadable, ObjectMissing
from infra.stores import json_objects, open_store
from infra.stores.json_objects import find_json, parse_json_object, read_json, write_json, write_json_once


def test_a_document_comes_back_as_it_was() -> None:
    store = open_store("memory://documents")
    document = {"text": "Café 👟", "numbers": [1, 2.5, None, True], "inner": {"a": []}}
    write_json(store, "runs/r1/plan.json", document)
    assert read_json(store, "runs/r1/plan.json") == document
    assert "Café 👟".encode() in store.read("runs/r1/plan.json")


def test_a_second_write_replaces_the_first() -> None:
    store = open_store("memory://documents")
    write_json(store, "again.json", {"state": "open"})
    write_json(store, "again.json", {"state": "done"})
    assert read_json(store, "again.json") == {"state": "done"}


def test_of_two_who_write_once_the_first_is_heard() -> None:
    store = open_store("memory://documents")
    assert write_json_once(store, "once.json", {"said": "first"})
    assert not write_json_once(store, "once.json", {"said": "second"})
    assert read_json(store, "once.json") == {"said": "first"}


def test_times_are_written_as_text() -> None:
    store = open_store("memory://documents")
    write_json(store, "time.json", {"at": datetime(2026, 11, 22, 2, tzinfo=UTC)})
    assert read_json(store, "time.json") == {"at": "2026-11-22 02:00:00+00:00"}


def test_a_number_that_json_does_not_have_is_refused_and_nothing_is_written() -> None:
    store = open_store("memory://documents")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(store, "nan.json", {"score": float("nan")})
    assert not store.exists("nan.json")


def test_a_document_that_is_not_there_is_missing() -> None:
    with pytest.raises(ObjectMissing):
        read_json(open_store("memory://documents"), "nowhere.json")


@given(text=st.text(st.characters(), max_size=30))
def test_any_text_can_be_written_lone_surrogates_as_question_marks(text: str) -> None:
    store = open_store("memory://documents")
    write_json(store, "text.json", {"text": text})
    assert read_json(store, "text.json")["text"] == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"[]", b"null", b"1"],
    ids=["empty", "cut", "no-text", "deep", "long-number", "list", "null", "number"],
)
def test_a_damaged_document_is_a_sentence_that_names_its_key(content: bytes) -> None:
    store = open_store("memory://documents")
    store.write("runs/r1/plan.json", content)
    for read in (read_json, find_json):
        with pytest.raises(DocumentUnreadable, match=r"^runs/r1/plan\.json is damaged, .*: restore that object from"):
            read(store, "runs/r1/plan.json")


def test_s11_a_document_that_is_deep_or_large_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DocumentUnreadable, match=r"runs/a is damaged, it is no JSON .it is nested 200000 deep"):
        parse_json_object(b"[" * 200_000, "runs/a")
    monkeypatch.setattr(json_objects, "MAX_DOCUMENT_BYTES", 10)
    with pytest.raises(DocumentUnreadable, match="it has 13 bytes, and at most 10 are read"):
        parse_json_object(b'{"a": "bcde"}', "runs/a")
