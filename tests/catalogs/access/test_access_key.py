"""An access key is known by its token's sha256, opens until it ends, and is read back as it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.access.access_key import ID_LENGTH, AccessKey, is_key_id, parse_access_key, token_sha
from catalogs.answers.person import Scope

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
KEY = AccessKey(token_sha("packshot_secret"), "ann", frozenset({Scope.LOOK}), NOW, "root")
times = st.datetimes(timezones=st.just(UTC))


@given(st.text(), st.sets(st.sampled_from(Scope)), times, st.none() | times, st.none() | times)
def test_a_key_is_read_back_as_it_was(token, scopes, created, expires, revoked) -> None:  # type: ignore[no-untyped-def]
    key = AccessKey(token_sha(token), "ann", frozenset(scopes), created, "root", expires, revoked)
    assert parse_access_key(key.document()) == key


def test_neither_a_document_nor_a_description_holds_the_token() -> None:
    assert "packshot_secret" not in str(KEY.document())
    assert KEY.token_sha not in str(KEY.description()), "a list shows the id alone"


def test_an_id_is_the_beginning_of_the_sha_and_has_a_form_of_its_own() -> None:
    assert len(KEY.id) == ID_LENGTH
    assert token_sha("packshot_secret").startswith(KEY.id)
    assert is_key_id(KEY.id)
    assert not any(map(is_key_id, ("", "../../x", KEY.id.upper() + "G", KEY.id + "\n", KEY.id[:-1], KEY.token_sha)))


def test_a_key_opens_until_it_expires_or_is_revoked() -> None:
    later = NOW + timedelta(days=1)
    assert KEY.is_active(later)
    assert KEY.ended_at(later) is None
    expiring = replace(KEY, expires_at=later)
    assert expiring.is_active(later - timedelta(microseconds=1))
    assert not expiring.is_active(later)
    assert (expiring.ended_at(NOW), expiring.ended_at(later)) == (None, later)
    assert not KEY.revoked(NOW).is_active(NOW)
    assert expiring.revoked(NOW).ended_at(later) == NOW
    assert KEY.revoked(NOW).revoked(later).revoked_at == NOW, "the first revocation stays"


def test_a_scope_of_a_later_version_opens_nothing() -> None:
    assert parse_access_key({**KEY.document(), "scopes": ["look", "rule-the-world"]}).scopes == {Scope.LOOK}


@pytest.mark.parametrize(
    "change",
    [
        {"token_sha256": "short"},
        {"token_sha256": 5},
        {"token_sha256": KEY.token_sha.upper()},
        {"name": ""},
        {"name": ["ann"]},
        {"scopes": "look"},
        {"created_at": None},
        {"created_at": "2026-11-30T09:00:00"},
        {"revoked_at": "yesterday"},
    ],
)
def test_a_damaged_document_is_no_key(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_access_key({**KEY.document(), **change})
