"""Photos over https: whole, from an allowed public host, and nothing of what a hostile name or redirect asks for.

A real server with TLS answers. It stands on loopback, which the client never reads; so the test's network leads each
public address to it, and writes down every address that was dialled.
"""

import gzip
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from infra.photos.https_client import FetchLimits, PhotoClient, connect_to, resolve_host
from infra.photos.invalid_photo import InvalidPhoto
from tests.fixtures.http_servers import Answer, LoopbackServer, loopback_server, respond, trickling, trickling_server
from tests.fixtures.tls_certificates import tls_contexts

PHOTO = b"\xff\xd8\xff photo"
PUBLIC, OTHER_PUBLIC = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"
CDN, IMAGES = "cdn.shop.example", "img.shop.example"
ALLOWED = frozenset({CDN, IMAGES})
SECRET = "hUnTeR22"  # noqa: S105 - a test's own
OK, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n\r\n"


class Network:
    """A resolver of known names, and a way from public addresses to the test's server."""

    def __init__(self, port: int, names: Mapping[str, list[str]]) -> None:
        self.port, self.names = port, names
        self.resolved: list[str] = []
        self.dialled: list[tuple[str, int]] = []

    def resolve(self, host: str, _: int) -> list[str]:
        self.resolved.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.names[host]

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.dialled.append((address, port))
        return connect_to("127.0.0.1", self.port, seconds)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return tls_contexts([CDN, IMAGES], tmp_path_factory.mktemp("tls"))


Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


class Shop:
    """A server, the network that leads to it, and a client that may ask it."""

    def __init__(self, server: LoopbackServer, client_tls: ssl.SSLContext, names: Mapping[str, list[str]]) -> None:
        self.server, self.network, self.tls = server, Network(server.port, names), client_tls

    def client(
        self, hosts: frozenset[str] = frozenset({CDN, IMAGES}), limits: FetchLimits | None = None
    ) -> PhotoClient:
        network = self.network
        return PhotoClient(
            hosts, limits or FetchLimits(), resolve=network.resolve, connect=network.connect, tls=self.tls
        )


@contextmanager
def shop(contexts: Contexts, answer: Answer, names: Mapping[str, list[str]] | None = None) -> Iterator[Shop]:
    with loopback_server(answer, contexts[0]) as server:
        yield Shop(server, contexts[1], names or {CDN: [PUBLIC], IMAGES: [OTHER_PUBLIC]})


def give_photo(handler: BaseHTTPRequestHandler) -> None:
    respond(handler, 200, PHOTO, ETag='"v1"')


def raw(answer: bytes) -> Answer:
    return lambda handler: handler.wfile.write(answer) and None


def test_a_photo_of_an_allowed_host_is_read_with_its_version(contexts: Contexts) -> None:
    with shop(contexts, give_photo) as it:
        found = it.client().fetch(f"https://{CDN}/a b.jpg?v=3")
    assert found is not None
    assert (found.data, found.version) == (PHOTO, 'etag "v1"')
    assert it.server.requests == ["/a%20b.jpg?v=3"]
    assert it.server.headers[0]["host"] == CDN
    assert it.server.headers[0]["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & it.server.headers[0].keys()


@pytest.mark.parametrize(
    ("header", "value", "asked"),
    [("ETag", 'W/"v1"', "if-none-match"), ("Last-Modified", "Mon, 30 Nov 2026 15:00:00 GMT", "if-modified-since")],
)
def test_what_is_unchanged_is_not_read_again(contexts: Contexts, header: str, value: str, asked: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        known = handler.headers.get(asked) == value
        respond(handler, 304 if known else 200, b"" if known else PHOTO, **{header.replace("-", "_"): value})

    with shop(contexts, answer) as it:
        found = it.client().fetch(f"https://{CDN}/a.jpg")
        assert found is not None
        assert it.client().fetch(f"https://{CDN}/a.jpg", found.version) is None
        assert it.client().fetch(f"https://{CDN}/a.jpg", "etag another") is not None


def test_a_server_that_names_no_version_is_read_without_one(contexts: Contexts) -> None:
    with shop(contexts, lambda handler: respond(handler, 200, PHOTO)) as it:
        found = it.client().fetch(f"https://{CDN}/a.jpg")
    assert found is not None
    assert found.version == ""


def test_the_address_that_was_checked_is_the_one_that_is_dialled_and_a_name_is_resolved_once(
    contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with shop(contexts, give_photo) as it:
        it.client().fetch(f"https://{CDN}/a.jpg")
    assert it.network.resolved == [CDN]
    assert it.network.dialled == [(PUBLIC, 443)]


def test_the_next_address_is_tried_where_one_does_not_answer(contexts: Contexts) -> None:
    with shop(contexts, give_photo, {CDN: ["198.41.0.4", PUBLIC]}) as it:
        connect = it.network.connect

        def fail_first(address: str, port: int, seconds: float) -> socket.socket:
            if address == PUBLIC:
                return connect(address, port, seconds)
            raise ConnectionRefusedError(111, "Connection refused")

        client = PhotoClient(frozenset({CDN}), resolve=it.network.resolve, connect=fail_first, tls=it.tls)
        assert client.fetch(f"https://{CDN}/a.jpg") is not None


HOSTILE_ADDRESSES = (
    *("127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "172.16.5.4", "192.168.0.1", "fc00::1", "fd00:ec2::254"),
    *("169.254.169.254", "fe80::1%eth0", "fec0::1", "0.0.0.0", "::", "255.255.255.255", "240.0.0.1"),  # noqa: S104
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "100.64.0.1", "198.18.0.1", "224.0.0.1", "ff02::1", "2001:db8::1"),
)
HOSTILE_NAMES: dict[str, list[str]] = {
    **{f"host{number}.example": [address] for number, address in enumerate(HOSTILE_ADDRESSES)},
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "mixed-the-other-way.example": ["::1", PUBLIC],
    "nothing.example": [],
}


@pytest.mark.parametrize("host", HOSTILE_NAMES)
def test_a_name_with_any_address_that_is_not_public_is_never_dialled(contexts: Contexts, host: str) -> None:
    with (
        shop(contexts, give_photo, HOSTILE_NAMES) as it,
        pytest.raises(InvalidPhoto, match="public address") as refused,
    ):
        it.client(frozenset({host})).fetch(f"https://{host}/a.jpg")
    assert refused.value.reason == "photo.not-fetched"
    assert (it.network.dialled, it.server.requests) == ([], [])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0", "[::1]"])
def test_a_name_of_this_machine_is_refused_by_the_system_s_own_resolver(contexts: Contexts, host: str) -> None:
    with loopback_server(give_photo, contexts[0]) as server:
        client = PhotoClient(frozenset({host, f"{host}:{server.port}"}), tls=contexts[1])
        with pytest.raises(InvalidPhoto) as refused:
            client.fetch(f"https://{host}:{server.port}/a.jpg")
        assert server.requests == []
    assert refused.value.reason == ("photo.reference" if host == "[::1]" else "photo.not-fetched")


HOSTILE_REDIRECTS = (
    *("http://cdn.shop.example/a.jpg", "https://127.0.0.1/a.jpg", "https://localhost/a.jpg", "https://[::1]/a.jpg"),
    *("https://169.254.169.254/latest/meta-data/", "//127.0.0.1/a.jpg", "https://cdn.shop.example:8443/a.jpg"),
    *(f"https://ada:{SECRET}@cdn.shop.example/a.jpg", "https://cdn.shop.example@127.0.0.1/a.jpg"),
    *("file:///etc/passwd", "ftp://cdn.shop.example/a.jpg", "data:image/png;base64,AA==", "gopher://127.0.0.1:70/_x"),
    *("https://2130706433/a.jpg", "https://0x7f.1/a.jpg", "https://evil.example/a.jpg", "https://[x/a.jpg", ""),
    *("https://cdn.shop.example.evil.example/a.jpg", "https:\\\\127.0.0.1\\a.jpg", "https://cdn.shop.example/../x"),
)


@pytest.mark.parametrize("target", HOSTILE_REDIRECTS, ids=lambda target: target[:40] or "nowhere")
def test_a_redirect_to_a_place_that_is_not_allowed_is_never_asked(contexts: Contexts, target: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        respond(handler, 302, **({"Location": target} if target else {}))

    with (
        shop(contexts, answer) as it,
        loopback_server(give_photo) as inside,
        pytest.raises(InvalidPhoto) as refused,
    ):
        it.client(limits=FetchLimits(max_redirects=1)).fetch(f"https://{CDN}/start.jpg")
    assert refused.value.reason == "photo.not-fetched"
    assert "redirect" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert inside.requests == []
    assert set(it.server.requests) == {"/start.jpg"}


def test_a_redirect_to_loopback_by_the_name_of_an_allowed_host_is_never_dialled(contexts: Contexts) -> None:
    names = {CDN: [PUBLIC], IMAGES: ["127.0.0.1"]}
    with (
        shop(contexts, lambda handler: respond(handler, 302, Location=f"https://{IMAGES}/admin"), names) as it,
        pytest.raises(InvalidPhoto, match="is on a host without a public address") as refused,
    ):
        it.client().fetch(f"https://{CDN}/a.jpg")
    assert refused.value.reason == "photo.not-fetched"
    assert (it.network.dialled, it.server.requests) == ([(PUBLIC, 443)], ["/a.jpg"])


def test_a_name_that_turns_private_between_two_requests_is_refused_at_the_second(contexts: Contexts) -> None:
    with shop(contexts, lambda handler: respond(handler, 302, Location="/b.jpg")) as it:
        turning = iter([[PUBLIC], ["127.0.0.1"]])
        client = PhotoClient(frozenset({CDN}), resolve=lambda *_: next(turning), connect=it.network.connect, tls=it.tls)
        with pytest.raises(InvalidPhoto, match="without a public address"):
            client.fetch(f"https://{CDN}/a.jpg")
    assert it.server.requests == ["/a.jpg"]


def test_redirects_between_allowed_hosts_are_followed_each_to_its_own_address(contexts: Contexts) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers["host"] == CDN:
            respond(handler, 301, Location=f"https://{IMAGES}/b.jpg?X-Amz-Signature={SECRET}")
        else:
            give_photo(handler)

    with shop(contexts, answer) as it:
        assert it.client().fetch(f"https://{CDN}/a.jpg") is not None
    assert it.network.dialled == [(PUBLIC, 443), (OTHER_PUBLIC, 443)]


def test_redirects_without_end_are_left(contexts: Contexts) -> None:
    with (
        shop(contexts, lambda handler: respond(handler, 307, Location="/a.jpg")) as it,
        pytest.raises(InvalidPhoto, match="is redirected more than 3 times") as refused,
    ):
        it.client().fetch(f"https://{CDN}/a.jpg")
    assert (refused.value.reason, len(it.server.requests)) == ("photo.not-fetched", 4)


REFUSALS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str, str]] = {
    "missing": (lambda handler: respond(handler, 404), "photo.missing", r"is not there \(404 Not Found\); check"),
    "gone": (lambda handler: respond(handler, 410), "photo.missing", r"is not there \(410 Gone\)"),
    "forbidden": (lambda handler: respond(handler, 403), "photo.not-fetched", r"not given out \(403 Forbidden\)"),
    "odd": (lambda handler: respond(handler, 206, PHOTO), "photo.not-fetched", r"not given out \(206"),
    "unasked 304": (lambda handler: respond(handler, 304), "photo.not-fetched", r"not given out \(304"),
    "broken": (
        lambda handler: respond(handler, 503),
        "photo.unreachable",
        r"\(503 .*it is tried again",
    ),
    "busy": (lambda handler: respond(handler, 429), "photo.unreachable", r"\(429 Too Many Requests\)"),
    "gzip": (
        lambda handler: respond(handler, 200, gzip.compress(bytes(10_000_000)), Content_Encoding="gzip"),
        "photo.not-fetched",
        "arrives compressed",
    ),
    "early end": (raw(OK + b"Content-Length: 99\r\n\r\nabc"), "photo.unreachable", "ended after 3 of 99 bytes"),
    "early end of chunks": (raw(OK + CHUNKED + b"6\r\nabc"), "photo.unreachable", "could not be reached"),
    "no length": (raw(OK + b"\r\nabc"), "photo.not-fetched", "comes without a length"),
    "announced giant": (raw(OK + b"Content-Length: 99999999\r\n\r\n"), "photo.too-many-bytes", "more than 1,000 bytes"),
    "giant": (raw(OK + CHUNKED + b"400\r\n" + b"x" * 1024 + b"\r\n"), "photo.too-many-bytes", "more than 1,000 bytes"),
    "headers": (raw(OK + b"X: y\r\n" * 200), "photo.unreachable", "got more than 100 headers"),
    "no http": (raw(b"\x1b[2J nonsense\r\n\r\n"), "photo.unreachable", "could not be reached"),
    "nothing": (raw(b""), "photo.unreachable", "could not be reached"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_is_not_whole_and_plain_is_refused_with_its_reason(contexts: Contexts, what: str) -> None:
    answer, reason, words = REFUSALS[what]
    with shop(contexts, answer) as it, pytest.raises(InvalidPhoto, match=words) as refused:
        it.client(limits=FetchLimits(max_bytes=1000)).fetch(f"https://{CDN}/a.jpg?v={SECRET}")
    assert refused.value.reason == reason
    assert str(refused.value).startswith(f"The photo 'https://{CDN}/a.jpg…' ")
    assert SECRET not in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_a_server_that_trickles_is_left_at_the_deadline(contexts: Contexts, start: bytes) -> None:
    with (
        shop(contexts, trickling(start)) as it,
        pytest.raises(InvalidPhoto, match=r"took longer than 0.3 s") as refused,
    ):
        it.client(limits=FetchLimits(total_seconds=0.3)).fetch(f"https://{CDN}/a.jpg")
    assert refused.value.reason == "photo.unreachable"


def test_a_handshake_that_trickles_is_left_at_the_deadline(contexts: Contexts) -> None:
    with trickling_server(b"\x16\x03\x03\x3f\xff") as port:
        network = Network(port, {CDN: [PUBLIC]})
        limits = FetchLimits(total_seconds=0.3)
        client = PhotoClient(
            frozenset({CDN}), limits, resolve=network.resolve, connect=network.connect, tls=contexts[1]
        )
        with pytest.raises(InvalidPhoto, match=r"took longer than 0.3 s"):
            client.fetch(f"https://{CDN}/a.jpg")


def test_a_certificate_of_another_name_or_of_an_unknown_authority_is_refused_before_anything_is_asked(
    contexts: Contexts, tmp_path: Path
) -> None:
    other = "other.example"
    with shop(contexts, give_photo, {other: [PUBLIC], CDN: [PUBLIC]}) as it:
        with pytest.raises(InvalidPhoto, match=r"without a valid certificate .Hostname mismatch") as refused:
            it.client(frozenset({other})).fetch(f"https://{other}/a.jpg")
        assert refused.value.reason == "photo.not-fetched"
        stranger = tls_contexts([CDN], tmp_path)[1]
        client = PhotoClient(frozenset({CDN}), resolve=it.network.resolve, connect=it.network.connect, tls=stranger)
        with pytest.raises(InvalidPhoto, match="without a valid certificate"):
            client.fetch(f"https://{CDN}/a.jpg")
    assert it.server.requests == []


def test_a_host_that_is_unknown_or_away_may_be_there_tomorrow(contexts: Contexts) -> None:
    with shop(contexts, give_photo, {CDN: [PUBLIC]}) as it:
        with pytest.raises(InvalidPhoto, match="Name or service not known") as unknown:
            it.client().fetch(f"https://{IMAGES}/a.jpg")
        it.network.port = 9
        with pytest.raises(InvalidPhoto, match="could not be reached") as away:
            it.client().fetch(f"https://{CDN}/a.jpg")
    assert [unknown.value.reason, away.value.reason] == ["photo.unreachable"] * 2
    assert away.value.transient


def test_a_reference_that_is_not_allowed_is_not_even_resolved(contexts: Contexts) -> None:
    with shop(contexts, give_photo) as it:
        for url in ("http://cdn.shop.example/a.jpg", "https://evil.example/a.jpg", f"https://x:{SECRET}@{CDN}/a.jpg"):
            with pytest.raises(InvalidPhoto) as refused:
                it.client().fetch(url)
            assert refused.value.reason == "photo.reference"
            assert SECRET not in str(refused.value)
    assert (it.network.resolved, it.server.requests) == ([], [])


def test_the_system_s_resolver_gives_addresses_without_repeating_one() -> None:
    found = resolve_host("localhost", 443)
    assert found
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found))
