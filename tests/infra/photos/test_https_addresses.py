"""https addresses: one canonical form, and its parts as a request needs them."""

import pytest

from infra.photos.https_addresses import normal_host, parse_https_address, split_https_address
from infra.photos.invalid_photo import InvalidPhoto

HOSTS = frozenset({"cdn.shop.example", "img.shop.example:8443"})


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("CDN.Shop.Example", "cdn.shop.example"),
        (" cdn.shop.example:443 ", "cdn.shop.example"),
        ("cdn.shop.example:8443", "cdn.shop.example:8443"),
        ("Bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_an_allowed_host_is_compared_in_one_form(host: str, normal: str) -> None:
    assert normal_host(host) == normal


def test_an_address_is_split_as_it_is_asked_for() -> None:
    address = parse_https_address("https://IMG.shop.example:8443/a b/ü.jpg?v=1&w=é", HOSTS, named="x")
    assert split_https_address(address) == ("img.shop.example", 8443, "/a%20b/%C3%BC.jpg?v=1&w=%C3%A9")
    assert split_https_address("https://cdn.shop.example/a.jpg") == ("cdn.shop.example", 443, "/a.jpg")
    assert parse_https_address(address, HOSTS, named="x") == address, "its own canonical form"


@pytest.mark.parametrize(
    "url", ["http://cdn.shop.example/a.jpg", "/a.jpg", "https://evil.example/a.jpg", "https://[x/"]
)
def test_an_error_names_the_reference_that_led_to_the_address(url: str) -> None:
    with pytest.raises(InvalidPhoto, match=r"^The photo 'short' ") as refused:
        parse_https_address(url, HOSTS, named="short")
    assert refused.value.reason == "photo.reference"


def test_a_redirect_may_be_signed_and_a_reference_may_not() -> None:
    signed = "https://cdn.shop.example/a.jpg?X-Amz-Signature=1"
    assert parse_https_address(signed, HOSTS, named="x", is_redirect=True) == signed
    with pytest.raises(InvalidPhoto, match="is signed"):
        parse_https_address(signed, HOSTS, named="x")
