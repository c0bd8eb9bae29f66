"""Network addresses: host and port, or a refusal."""

import pytest

from infra.host_port import split_host_port


@pytest.mark.parametrize(
    ("address", "parts"), [("head:6379", ("head", 6379)), ("10.0.0.7:1", ("10.0.0.7", 1)), ("[::1]:80", ("::1", 80))]
)
def test_an_address_is_a_host_and_a_port(address: str, parts: tuple[str, int]) -> None:
    assert split_host_port(address) == parts


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "ray://head:10001", "me:word@head:1", "head:99999", ""])
def test_any_other_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not host:port"):
        split_host_port(address)
