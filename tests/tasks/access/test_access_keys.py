"""Keys in a store: a token is shown once, opens what it should, and nothing any more once it is revoked."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs import layout
from catalogs.access.access_key import TOKEN_PREFIX
from catalogs.answers.person import ALL_SCOPES, Scope
from catalogs.errors import OptionError
from infra.errors import DocumentUnreadable
from infra.stores.json_objects import write_json
from infra.stores.memory import MemoryStore
from infra.testing.simulated_clock import SimulatedClock
from tasks.access.access_keys import (
    MAX_REMEMBERED,
    REMEMBERED,
    AccessKeyring,
    add_access_key,
    find_access_key,
    find_ended_access_keys,
    read_access_keys,
    revoke_access_keys,
)

LOOK = frozenset({Scope.LOOK})


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 11, 30, 9, tzinfo=UTC))


@pytest.fixture
def store(clock: SimulatedClock) -> MemoryStore:
    return MemoryStore(uuid4().hex, clock.now)


def test_a_token_has_256_random_bits_and_lies_nowhere_in_the_store(store: MemoryStore) -> None:
    token, key = add_access_key(store, "ann", ALL_SCOPES, by="root")
    assert token.startswith(TOKEN_PREFIX)
    assert len(token) - len(TOKEN_PREFIX) == 43, "32 bytes as base64url"
    stored = {info.key: store.read(info.key) for info in store.list("")}
    assert list(stored) == [f"keys/{key.id}.json"]
    assert token.removeprefix(TOKEN_PREFIX).encode() not in b"".join(stored.values())
    assert AccessKeyring(store).find_by_token(token) == key


def test_a_person_has_one_key_and_another_after_it_ended(store: MemoryStore, clock: SimulatedClock) -> None:
    add_access_key(store, "ann", LOOK, by="root", days=1)
    with pytest.raises(OptionError, match=r"ann has the key [0-9a-f]{16} already; `packshot keys revoke`"):
        add_access_key(store, "ann", LOOK, by="root")
    clock.advance(86_400)
    _, second = add_access_key(store, "ann", ALL_SCOPES, by="root")
    assert AccessKeyring(store).find_by_name("ann") == second
    assert [key.name for key in read_access_keys(store)] == ["ann", "ann"]


def test_a_revoked_key_opens_nothing_at_once_by_its_token_and_a_minute_later_everywhere(
    store: MemoryStore, clock: SimulatedClock
) -> None:
    token, key = add_access_key(store, "ann", LOOK, by="root")
    keyring = AccessKeyring(store)
    assert keyring.find_by_id(key.id) == keyring.find_by_name("ann") == key
    assert [each.id for each in revoke_access_keys(store, "ann")] == [key.id]
    assert keyring.find_by_token(token) is None
    assert keyring.find_by_id(key.id) == key, "remembered"
    clock.advance(REMEMBERED.total_seconds())
    assert keyring.find_by_id(key.id) is None
    assert keyring.find_by_name("ann") is None
    assert keyring.is_empty()


def test_an_expired_key_opens_nothing_even_where_it_is_remembered(store: MemoryStore, clock: SimulatedClock) -> None:
    token, key = add_access_key(store, "ann", LOOK, by="root", days=1)
    keyring = AccessKeyring(store)
    clock.advance(86_400 - 1)
    assert keyring.find_by_id(key.id) == keyring.find_by_token(token) == key
    clock.advance(1)
    assert keyring.find_by_id(key.id) is keyring.find_by_token(token) is keyring.find_by_name("ann") is None


def test_revoking_a_stranger_names_those_who_have_keys(store: MemoryStore) -> None:
    with pytest.raises(OptionError, match=r"NAME: 'bob' has no key that opens anything; nobody has"):
        revoke_access_keys(store, "bob")
    add_access_key(store, "ann", LOOK, by="root")
    with pytest.raises(OptionError, match="ann has"):
        revoke_access_keys(store, "bob")


@given(st.text(max_size=200))
def test_no_other_text_opens_anything_or_reads_another_object(text: str) -> None:
    store = MemoryStore("keys-of-strangers")
    if not read_access_keys(store):
        add_access_key(store, "ann", LOOK, by="root")
    assert AccessKeyring(store).find_by_token(text) is None
    assert find_access_key(store, text) is None


def test_the_beginning_of_a_sha_is_not_enough(store: MemoryStore) -> None:
    token, key = add_access_key(store, "ann", LOOK, by="root")
    planted = {**key.document(), "token_sha256": key.id + "0" * 48}
    store.write(layout.access_key(key.id), json.dumps(planted).encode())
    assert AccessKeyring(store).find_by_token(token) is None


def test_a_damaged_key_is_named_and_lets_nobody_in(store: MemoryStore) -> None:
    token, key = add_access_key(store, "ann", LOOK, by="root")
    store.write(layout.access_key(key.id), b'{"name": "ann"}')
    with pytest.raises(DocumentUnreadable, match=f"keys/{key.id}.json cannot be read as an access key"):
        AccessKeyring(store).find_by_token(token)


def test_a_server_remembers_no_more_keys_than_it_has_room_for(store: MemoryStore) -> None:
    keyring = AccessKeyring(store)
    for number in range(MAX_REMEMBERED + 10):
        assert keyring.find_by_id(f"{number:016x}") is None
    assert len(keyring._by_id) == MAX_REMEMBERED


def test_keys_that_ended_before_a_time_are_found_for_the_sweep(store: MemoryStore, clock: SimulatedClock) -> None:
    keys = {name: add_access_key(store, name, LOOK, by="root", days=days)[1] for name, days in
            (("kept", None), ("expired", 1), ("later", 90), ("revoked", None))}  # fmt: skip
    revoke_access_keys(store, "revoked")
    clock.advance(86_400)
    found = {info.key for info in find_ended_access_keys(store, clock.now())}
    assert found == {layout.access_key(keys[name].id) for name in ("expired", "revoked")}


def test_the_clock_is_the_store_s(store: MemoryStore, clock: SimulatedClock) -> None:
    _, key = add_access_key(store, "ann", LOOK, by="root", days=30)
    assert key.created_at == clock.now()
    assert key.expires_at == clock.now() + timedelta(days=30)


def test_a_name_that_cannot_be_shown_gets_no_key(store: MemoryStore) -> None:
    with pytest.raises(OptionError, match="is no name of a person"):
        add_access_key(store, "ann\u202e", LOOK, by="root")
    assert read_access_keys(store) == []


def test_of_two_keys_that_were_made_at_once_the_newer_one_says_what_a_name_may_do(
    store: MemoryStore, clock: SimulatedClock
) -> None:
    _, first = add_access_key(store, "ann", LOOK, by="root")
    revoke_access_keys(store, "ann")
    clock.advance(1)
    _, second = add_access_key(store, "ann", ALL_SCOPES, by="root")
    write_json(store, layout.access_key(first.id), first.document())  # as if neither had seen the other
    assert AccessKeyring(store).find_by_name("ann") == second
