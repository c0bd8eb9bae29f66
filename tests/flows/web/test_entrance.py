"""The ways in: a start link works once, a proxy's word counts from its address, and what a key opened ends with it."""

from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.person import ALL_SCOPES, Person, Scope
from catalogs.errors import OptionError
from flows.web.entrance import Entrance, StartLink, TrustedProxy, parse_networks
from flows.web.sessions import Session
from infra.stores.memory import MemoryStore
from infra.testing.simulated_clock import SimulatedClock
from tasks.access.access_keys import REMEMBERED, AccessKeyring, add_access_key, revoke_access_keys

LOOK, ANSWER = frozenset({Scope.LOOK}), frozenset({Scope.ANSWER})
PROXY = TrustedProxy("X-Remote-User", (ip_network("10.0.0.0/24"), ip_network("::1/128")))


def test_a_start_link_works_once_and_then_there_is_another() -> None:
    link = StartLink()
    first = link.path
    secret = first.removeprefix("/start?secret=")
    assert len(secret) == 43, "256 bits"
    assert link.use(secret)
    assert not link.use(secret)
    assert link.path != first
    assert link.use(link.path.removeprefix("/start?secret="))


@given(st.text(max_size=60))
def test_no_other_secret_works(secret: str) -> None:
    assert not StartLink().use(secret)


def test_the_start_link_s_person_has_every_scope() -> None:
    assert StartLink().person().scopes == ALL_SCOPES


@pytest.mark.parametrize(
    ("address", "is_proxy"),
    [("10.0.0.7", True), ("::1", True), ("10.0.1.7", False), ("127.0.0.1", False), ("", False), ("10.0.0.7, 1", False)],
)
def test_a_proxy_is_known_by_its_address(address: str, is_proxy: bool) -> None:
    assert PROXY.is_peer(address) == is_proxy


def test_a_named_person_has_the_scopes_of_their_key_else_those_of_everybody() -> None:
    store = MemoryStore(uuid4().hex)
    add_access_key(store, "ann", ANSWER, by="root")
    closed = Entrance(AccessKeyring(store), proxy=PROXY)
    open_ = Entrance(AccessKeyring(store), proxy=TrustedProxy("X-Remote-User", PROXY.networks, LOOK))
    found = closed.named_visitor("ann")
    assert found is not None
    assert found.person == Person("ann", ANSWER)
    assert closed.named_visitor("bob") is None
    bob, again = open_.named_visitor("bob"), open_.named_visitor("bob")
    assert bob == again, "the token of a form is the same on the next page"
    assert bob is not None
    assert bob.person == Person("bob", LOOK)
    assert bob.csrf_token != found.csrf_token
    for wrong in ("", "x" * 65, "a\nb", "a\x00"):
        assert open_.named_visitor(wrong) is None
    assert Entrance(AccessKeyring(store)).named_visitor("ann") is None, "without a proxy no header counts"


def test_a_session_s_scopes_are_those_of_its_key_today() -> None:
    clock = SimulatedClock(datetime(2026, 11, 30, tzinfo=UTC))
    store = MemoryStore(uuid4().hex, clock.now)
    _, key = add_access_key(store, "ann", LOOK, by="root")
    entrance = Entrance(AccessKeyring(store))
    session = Session(Person("ann", ALL_SCOPES), "csrf", clock.now(), key.id)
    visitor = entrance.session_visitor(session)
    assert visitor is not None
    assert visitor.person.scopes == LOOK
    revoke_access_keys(store, "ann")
    clock.advance(REMEMBERED.total_seconds())
    assert entrance.session_visitor(session) is None


def test_networks_are_read_and_anything_else_is_named() -> None:
    assert parse_networks(["10.0.0.4", "fd00::/8"]) == (ip_network("10.0.0.4/32"), ip_network("fd00::/8"))
    for wrong in ("proxy.example", "10.0.0.4/24", ""):
        with pytest.raises(OptionError, match=r"--proxy: .*; give an address or a network"):
            parse_networks([wrong])
