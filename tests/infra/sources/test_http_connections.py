"""Where a download's connections may go: only where a person sent them."""

import io
from email.message import Message
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import Request

import pytest

from infra.sources.http_connections import ConnectionWatch, DownloadRefused, _OriginRedirects


def follow(url: str, target: str) -> Request | None:
    handler = _OriginRedirects(urlsplit(url))
    return handler.redirect_request(Request(url), io.BytesIO(), 302, "Found", Message(), target)  # noqa: S310 - nothing is opened


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://shop.test/a.csv", "http://shop.test/b.csv?signature=1"),
        ("http://shop.test/a.csv", "http://SHOP.test:80/b.csv"),
        ("http://shop.test/a.csv", "https://shop.test/a.csv"),
        ("https://shop.test:8443/a.csv", "https://shop.test:8443/b.csv"),
    ],
)
def test_a_redirect_within_the_place_that_was_named_is_followed(url: str, target: str) -> None:
    request = follow(url, target)
    assert request is not None
    assert request.full_url == target


@pytest.mark.parametrize(
    ("url", "target", "named"),
    [
        ("http://shop.test/a.csv", "http://169.254.169.254/latest/meta-data", "http://169.254.169.254"),
        ("http://shop.test/a.csv", "http://cdn.shop.test/a.csv?sig=hunter22", "http://cdn.shop.test"),
        ("http://shop.test/a.csv", "http://shop.test:9000/internal", "http://shop.test:9000"),
        ("http://shop.test:8080/a.csv", "https://shop.test/a.csv", "https://shop.test"),
        ("https://shop.test/a.csv", "http://shop.test/a.csv", "http://shop.test"),
        ("https://shop.test/a.csv", "https://ada:hunter22@shop.test/a.csv", "https://shop.test"),
        ("https://shop.test/a.csv", "ftp://shop.test/a.csv", "ftp://shop.test"),
    ],
)
def test_s11_a_redirect_to_another_host_port_or_scheme_is_refused_by_name(url: str, target: str, named: str) -> None:
    with pytest.raises(DownloadRefused, match="which is not followed") as refused:
        follow(url, target)
    assert f"redirects to {named}, which" in str(refused.value)
    assert "hunter22" not in str(refused.value)


class ConnectedSocket:
    """Says whom it is connected to, and whether it was closed."""

    def __init__(self, peer: str) -> None:
        self.peer, self.closed = peer, False

    def getpeername(self) -> tuple[str, int]:
        return self.peer, 443

    def dup(self) -> "ConnectedSocket":
        return ConnectedSocket(self.peer)

    def close(self) -> None:
        self.closed = True


def look_at(watch: ConnectionWatch, peer: str) -> ConnectedSocket:
    connected = ConnectedSocket(peer)
    try:
        watch.check(cast("Any", connected))
    except DownloadRefused:
        assert connected.closed
        raise
    return connected


@pytest.mark.parametrize(
    "private", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"]
)
def test_s11_a_public_host_that_turns_private_is_refused_before_it_is_asked(private: str) -> None:
    watch = ConnectionWatch(60)
    look_at(watch, "8.8.8.8")
    look_at(watch, "2001:4860:4860::8888")
    with pytest.raises(DownloadRefused, match="from a public to a private address"):
        look_at(watch, private)


def test_a_private_host_stays_readable() -> None:
    watch = ConnectionWatch(60)
    look_at(watch, "10.1.2.3")
    look_at(watch, "10.1.2.4")
