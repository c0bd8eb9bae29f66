"""A server is called by its own names alone, and takes forms of its own pages alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import OptionError
from flows.web.addresses import WebAddresses, check_public_url, is_loopback

LOCAL = WebAddresses("127.0.0.1", 8420)
PUBLIC = WebAddresses("0.0.0.0", 8420, "https://review.shop.example")  # noqa: S104


@pytest.mark.parametrize("host", ["127.0.0.1:8420", "localhost:8420", "[::1]:8420", "LOCALHOST:8420"])
def test_loopback_is_called_by_its_names(host: str) -> None:
    assert LOCAL.allows_host(host)


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "127.0.0.1:8421", "evil.example:8420", "127.0.0.1.evil.example:8420", "localhost:8420:8420",
     "user@localhost:8420", "localhost:8420/", "localhost:8420\x00", "0.0.0.0:8420", "review.shop.example"],
)  # fmt: skip
def test_every_other_name_is_refused(host: str) -> None:
    assert not LOCAL.allows_host(host)


@given(st.text(max_size=40))
def test_no_invented_name_is_allowed(host: str) -> None:
    assert LOCAL.allows_host(host) == (host.lower() in {"127.0.0.1:8420", "localhost:8420", "[::1]:8420"})


def test_behind_a_proxy_the_public_name_counts_and_the_address_of_all_interfaces_never() -> None:
    assert PUBLIC.allows_host("review.shop.example")
    assert not PUBLIC.allows_host("0.0.0.0:8420")
    assert PUBLIC.is_secure("review.shop.example")
    assert not LOCAL.is_secure("127.0.0.1:8420")
    assert PUBLIC.url == "https://review.shop.example"
    assert LOCAL.url == "http://127.0.0.1:8420"
    assert WebAddresses("::1", 1).url == "http://[::1]:1"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"origin": "http://localhost:8420"}, True),
        ({"origin": "http://localhost:8420", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://127.0.0.1:8420"}, False),
        ({"origin": "https://localhost:8420"}, False),
        ({"origin": "http://localhost:80"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://localhost:8420", "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_a_form_comes_from_a_page_of_the_same_name_or_from_no_page(headers: dict[str, str], allowed: bool) -> None:
    assert LOCAL.allows_form("localhost:8420", headers) == allowed


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)],  # noqa: S104
)
def test_loopback_is_told_from_what_others_reach(host: str, local: bool) -> None:
    assert is_loopback(host) == local


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(OptionError, match="--host: 'no host' is no address"):
        is_loopback("no host")


def test_a_name_that_also_leads_elsewhere_is_no_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (address, 0)) for address in ("127.0.0.1", "10.0.0.4")]

    monkeypatch.setattr("flows.web.addresses.socket.getaddrinfo", resolve)
    assert not is_loopback("both.example")


def test_a_public_url_is_scheme_and_host() -> None:
    assert check_public_url("https://Review.Shop.example/") == "https://review.shop.example"
    named = {"https://a:443": "https://a", "http://a:80": "http://a", "https://[::1]:443": "https://[::1]"}
    named |= {url: url for url in ("https://a:8443", "http://a:443", "https://a:80", "https://a:4430")}
    assert {url: check_public_url(url) for url in named} == named, "as a browser writes the origin of its requests"
    for wrong in ("review.shop.example", "ftp://a", "https://a/path", "https://u:p@a", "https://", "https://a?b"):
        with pytest.raises(OptionError, match="--public-url: give scheme and host alone") as refused:
            check_public_url(wrong)
        assert (f"it was {wrong!r}" in str(refused.value)) == (not {"@", "?"} & set(wrong)), "a secret is not repeated"
