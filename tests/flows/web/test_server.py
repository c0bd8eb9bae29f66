"""A server starts where strangers cannot come in, says where it is, and ends when it is told to."""

from uuid import uuid4

import pytest

from catalogs.answers.person import ALL_SCOPES, Scope
from catalogs.errors import OptionError
from flows.web.server import ServerOptions, open_entrance, open_listener
from infra.stores.memory import MemoryStore
from tasks.access.access_keys import add_access_key, revoke_access_keys

EVERYWHERE = ServerOptions(host="0.0.0.0")  # noqa: S104 - refused below


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(uuid4().hex)


@pytest.mark.parametrize("options", [EVERYWHERE, ServerOptions(public_url="https://review.shop.example")])
def test_elsewhere_nothing_starts_without_keys(store: MemoryStore, options: ServerOptions) -> None:
    with pytest.raises(OptionError, match=r"nobody has a key. Make one for each person with `packshot keys add"):
        open_entrance(store, options)
    add_access_key(store, "ann", ALL_SCOPES, by="root")
    assert open_entrance(store, options).start_link is None
    revoke_access_keys(store, "ann")
    with pytest.raises(OptionError, match="nobody has a key"):
        open_entrance(store, options)


def test_on_loopback_a_start_link_stands_in_for_keys(store: MemoryStore) -> None:
    assert open_entrance(store, ServerOptions()).start_link is not None
    add_access_key(store, "ann", ALL_SCOPES, by="root")
    assert open_entrance(store, ServerOptions()).start_link is None


def test_a_header_is_trusted_from_a_named_proxy_alone(store: MemoryStore) -> None:
    with pytest.raises(OptionError, match="--trust-header: say by --proxy"):
        open_entrance(store, ServerOptions(host="0.0.0.0", trust_header="X-Remote-User"))  # noqa: S104
    for lonely in (ServerOptions(proxies=["10.0.0.4"]), ServerOptions(header_scopes=frozenset({Scope.LOOK}))):
        with pytest.raises(OptionError, match="give that too"):
            open_entrance(store, lonely)
    with pytest.raises(OptionError, match="--trust-header: 'X User' is no header's name"):
        open_entrance(store, ServerOptions(trust_header="X User", proxies=["10.0.0.4"]))
    entrance = open_entrance(store, ServerOptions(trust_header="X-Remote-User", proxies=["10.0.0.4"]))
    assert entrance.proxy is not None
    assert entrance.start_link is None


def test_a_port_in_use_is_named_and_port_0_finds_a_free_one() -> None:
    with open_listener("127.0.0.1", 0) as listener:
        listener.listen()
        port = listener.getsockname()[1]
        assert port > 0
        with pytest.raises(OptionError, match=f"--port: 127.0.0.1:{port} cannot be listened on"):
            open_listener("127.0.0.1", port)


def test_an_address_that_is_not_this_machine_s_is_named_by_its_own_option() -> None:
    with pytest.raises(OptionError, match=r"--host: 192\.0\.2\.1:8420 cannot be listened on"):
        open_listener("192.0.2.1", 8420)


@pytest.mark.parametrize("header", ["Host", "cookie", "User-Agent", "Sec-Fetch-Site", "X-Forwarded-For", "Te"])
def test_a_header_that_requests_of_anybody_carry_names_nobody(header: str) -> None:
    with pytest.raises(OptionError, match=f"--trust-header: requests of anybody carry '{header}'"):
        open_entrance(MemoryStore("any-header"), ServerOptions(trust_header=header, proxies=["10.0.0.4"]))


@pytest.mark.parametrize(
    "header", ["X-Remote-User", "X-Forwarded-User", "X-Forwarded-Preferred-Username", "Remote-User"]
)
def test_the_headers_that_proxies_name_people_in_are_taken(header: str) -> None:
    options = ServerOptions(trust_header=header, proxies=["10.0.0.4"])
    assert open_entrance(MemoryStore("their-header"), options).proxy is not None
