"""Score files: bound to their key and to every value, and believed by nobody else's hand."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.integrity.keyring import IntegrityKeys
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import ObjectStore, Screened
from infra.screening.score_files import is_vouched_for, read_scores, write_scores
from infra.stores import open_store

TRUST = StoredWorkTrust(IntegrityKeys([b"1" * 64]))
OTHER_HOST = StoredWorkTrust(IntegrityKeys([b"2" * 64]))
ROTATED = StoredWorkTrust(IntegrityKeys([b"2" * 64, b"1" * 64]))
SCREENED = Screened(
    "a", "f0" * 32, "5a" * 32, 1234, 64, 96, {"blur": 0.1, "background.white": 1.0}, b"\1" * 32, 0.5, b"\2" * 8,
    (0.25,), {"pixels": "2"}, {}, 0.125, "mark", {"text": [{"text": "naïve"}]},
)  # fmt: skip
KEY = "scores/aa/aa-f1-s1.json"


@pytest.fixture
def store(tmp_path: object) -> ObjectStore:
    return open_store(f"file://{tmp_path}")


def written(trust: StoredWorkTrust = TRUST) -> bytes:
    memory = open_store("memory://score-files")
    write_scores(memory, KEY, SCREENED, trust)
    return memory.read(KEY)


def test_what_is_written_is_read_back_by_the_same_key_and_after_a_rotation(store: ObjectStore) -> None:
    write_scores(store, KEY, SCREENED, TRUST)
    assert [read_scores(store, KEY, trust) for trust in (TRUST, ROTATED)] == [(SCREENED, False)] * 2
    assert read_scores(store, KEY, OTHER_HOST) == (None, True)


def test_without_keys_nothing_is_tagged_and_everything_is_read(store: ObjectStore) -> None:
    write_scores(store, KEY, SCREENED, UNCHECKED)
    assert "tag" not in json.loads(store.read(KEY))
    assert read_scores(store, KEY, UNCHECKED) == (SCREENED, False)
    assert read_scores(store, KEY, TRUST) == (None, True)


def test_s3_good_scores_copied_to_another_images_key_are_not_believed(store: ObjectStore) -> None:
    write_scores(store, KEY, SCREENED, TRUST)
    other = KEY.replace("aa-", "bb-")
    store.write(other, store.read(KEY))
    assert read_scores(store, other, TRUST) == (None, True)


@pytest.mark.parametrize("name", sorted(set(vars(SCREENED)) - {"refused"}))
def test_s3_no_value_of_a_score_file_can_be_changed(store: ObjectStore, name: str) -> None:
    values = json.loads(written())
    values[name] = {"x": 1} if isinstance(values[name], dict) else [] if isinstance(values[name], list) else "00"
    store.write(KEY, json.dumps(values, sort_keys=True).encode())
    assert read_scores(store, KEY, TRUST).screened is None


@given(st.data())
def test_s3_no_byte_of_a_score_file_can_be_changed_to_another_meaning(data: st.DataObject) -> None:
    memory, ours = open_store("memory://score-flips"), written()
    changed = bytearray(ours)
    changed[data.draw(st.integers(0, len(ours) - 1))] ^= data.draw(st.integers(1, 255))
    memory.write(KEY, bytes(changed))
    assert read_scores(memory, KEY, TRUST).screened in (None, SCREENED)


DAMAGED = ("", "{", "[]", "null", "7", '{"fingerprint": ""}', "[" * 9_999)


@pytest.mark.parametrize("content", DAMAGED, ids=lambda text: text[:9] or "empty")
def test_a_damaged_file_is_as_good_as_none(store: ObjectStore, content: str) -> None:
    store.write(KEY, content.encode())
    assert read_scores(store, KEY, TRUST) == (None, False)


def test_a_finished_file_is_vouched_for_by_believed_scores_of_any_scanners_alone(store: ObjectStore) -> None:
    prefix = "scores/aa/aa-f1-"
    assert not is_vouched_for(store, prefix, SCREENED.file_sha, TRUST)
    write_scores(store, f"{prefix}s1.json", replace(SCREENED, file_sha="00" * 32), TRUST)
    write_scores(store, f"{prefix}s2.json", SCREENED, TRUST)
    assert is_vouched_for(store, prefix, SCREENED.file_sha, TRUST)
    assert not is_vouched_for(store, prefix, SCREENED.file_sha, OTHER_HOST)
    assert not is_vouched_for(store, "scores/bb/", SCREENED.file_sha, TRUST)
