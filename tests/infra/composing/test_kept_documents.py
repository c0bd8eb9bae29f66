"""A kept document is written once, is bound to its key, and is nothing where it is not believed."""

import json

import pytest

from infra.composing.kept_documents import find_kept_document, replace_kept_document, write_kept_document
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import ObjectStore
from infra.stores import open_store

KEYS = StoredWorkTrust(IntegrityKeys([b"k" * 40]))
TEXT = '{"choice":"only-photo","photo":"ab","scores":{"mask.area":0.5,"mask.parts":1.0}}'
OTHER = TEXT.replace("0.5", "0.25")


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://documents-{request.node.name}")


@pytest.mark.parametrize("trust", [UNCHECKED, KEYS], ids=["without-keys", "with-keys"])
def test_the_first_document_counts_and_says_whether_it_is_the_same(store: ObjectStore, trust: StoredWorkTrust) -> None:
    assert write_kept_document(store, "a", TEXT, trust)
    assert write_kept_document(store, "a", TEXT, trust)
    assert not write_kept_document(store, "a", OTHER, trust)
    assert find_kept_document(store, "a", trust) == TEXT
    replace_kept_document(store, "a", OTHER, trust)
    assert find_kept_document(store, "a", trust) == OTHER
    assert json.loads(store.read("a"))["photo"] == "ab"


def test_with_keys_a_document_that_was_changed_copied_or_planted_is_none(store: ObjectStore) -> None:
    write_kept_document(store, "a", TEXT, KEYS)
    store.write("copied", store.read("a"))
    store.write("changed", store.read("a").replace(b"0.5", b"0.9"))
    store.write("planted", TEXT.encode())
    assert [find_kept_document(store, key, KEYS) for key in ("copied", "changed", "planted")] == [None] * 3
    assert write_kept_document(store, "planted", OTHER, KEYS)
    assert find_kept_document(store, "planted", KEYS) == OTHER


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_a_damaged_document_is_none(store: ObjectStore, data: bytes) -> None:
    store.write("a", data)
    assert find_kept_document(store, "a", UNCHECKED) is None
