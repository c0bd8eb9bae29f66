"""Sources over http: whole or refused, from the place that was named, and without their query in any message."""

import gzip
import io
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import StoreError, UnreadableSource
from infra.sources import open_source
from infra.sources.http_download import Download, DownloadLimits, download
from infra.sources.source_files import list_source_files
from tests.fixtures.http_servers import loopback_server, respond, trickling, trickling_server

CSV = b"sku,title\n1,Cup\n2,Bowl\n"
SECRET = "sig=hunter22"  # noqa: S105 - a test's own
OK, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n\r\n"


def raw(answer: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return what writes bytes as a response and closes the connection."""
    return lambda handler: handler.wfile.write(answer) and None


def test_a_source_is_read_with_its_query_and_without_keeping_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_SOURCE_QUERY", f"?{SECRET}")
    with loopback_server(lambda handler: respond(handler, 200, CSV)) as server:
        source = open_source(f"{server.url}/exports/cat 1.csv")
        [batch] = source.batches()
    assert (batch.numbers.to_pylist(), batch.rows.to_pydict()) == (
        [1, 2],
        {"sku": ["1", "2"], "title": ["Cup", "Bowl"]},
    )
    assert server.requests == [f"/exports/cat%201.csv?{SECRET}"]
    assert SECRET not in repr(source)


def test_parquet_is_read_by_seeking_without_ranges_of_the_server() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"sku": ["a", "b"], "title": ["A", "B"]}), file)
    with loopback_server(lambda handler: respond(handler, 200, file.getvalue())) as server:
        source = open_source(f"{server.url}/cat.parquet")
        assert [source.row_count(), source.columns] == [2, ("sku", "title")]
        assert next(iter(source.batches())).rows.to_pydict()["sku"] == ["a", "b"]
    assert len(server.requests) == 1


def test_a_run_that_reads_twice_downloads_once_where_the_server_has_versions() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        known = handler.headers.get("If-None-Match") == '"v1"'
        respond(handler, 304 if known else 200, b"" if known else CSV, ETag='"v1"')

    with loopback_server(answer) as server:
        one, other = (list_source_files(f"{server.url}/cat.csv") for _ in range(2))
        assert one.fingerprint() == other.fingerprint()
        assert [header.get("if-none-match") for header in server.headers] == [None, '"v1"']
        with other.open(other.files[0]) as stream:
            assert stream.read() == CSV


def test_the_fingerprint_moves_with_the_content_where_the_server_names_no_version() -> None:
    bodies = iter([CSV, CSV, CSV.replace(b"Cup", b"Mug")])
    with loopback_server(lambda handler: respond(handler, 200, next(bodies))) as server:
        first, second, third = (list_source_files(f"{server.url}/cat.csv").fingerprint() for _ in range(3))
    assert first == second != third


def test_s11_a_redirect_to_an_internal_address_is_refused_and_never_asked() -> None:
    with loopback_server(lambda handler: respond(handler, 200, CSV)) as inside:
        target = inside.url.replace("127.0.0.1", "localhost")
        with loopback_server(
            lambda handler: respond(handler, 302, Location=f"{target}/internal/meta.csv?{SECRET}")
        ) as shop:
            with pytest.raises(UnreadableSource, match="redirects to http://localhost:") as refused:
                download(f"{shop.url}/cat.csv")
            assert "internal" not in str(refused.value)
        assert inside.requests == []


def test_a_redirect_on_the_same_host_is_followed() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/cat.csv":
            respond(handler, 302, Location=f"/v2/cat.csv?{SECRET}")
        else:
            respond(handler, 200, CSV)

    with loopback_server(answer) as server, download(f"{server.url}/cat.csv").open("") as stream:
        assert stream.read() == CSV


REFUSALS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], type[Exception], str]] = {
    "missing": (lambda handler: respond(handler, 404), UnreadableSource, r"There is no file .* \(404 Not Found\)"),
    "forbidden": (
        lambda handler: respond(handler, 403),
        UnreadableSource,
        r"\(403 Forbidden\); .*SOURCE_QUERY",
    ),
    "wrong": (lambda handler: respond(handler, 400), UnreadableSource, "its server answers 400 Bad Request"),
    "broken": (lambda handler: respond(handler, 503), StoreError, "its server answers 503 Service Unavailable"),
    "busy": (lambda handler: respond(handler, 429), StoreError, "its server answers 429 Too Many Requests"),
    "loop": (lambda handler: respond(handler, 302, Location="/cat.csv"), UnreadableSource, "answers 302 Found"),
    "gzip": (
        lambda handler: respond(handler, 200, gzip.compress(b"0" * 10_000_000), Content_Encoding="gzip"),
        UnreadableSource,
        "arrives as 'gzip' although",
    ),
    "hostile coding": (
        lambda handler: respond(handler, 200, CSV, Content_Encoding="\x1b[2Jx"),
        UnreadableSource,
        "arrives as '.x1b",
    ),
    "early end": (raw(OK + b"Content-Length: 99\r\n\r\nsku\n1\n"), StoreError, "ended after 6 of 99 bytes"),
    "early end of chunks": (raw(OK + CHUNKED + b"6\r\nsku\n1\n\r\n"), StoreError, "could not be reached"),
    "no length": (raw(OK + b"\r\nsku\n1\n"), UnreadableSource, "comes without a length"),
    "announced giant": (raw(OK + b"Content-Length: 99999999\r\n\r\n"), UnreadableSource, "more than 1,000 bytes"),
    "giant": (raw(OK + CHUNKED + b"400\r\n" + b"x" * 1024 + b"\r\n"), UnreadableSource, "more than 1,000 bytes"),
    "no http": (raw(b"\x1b[2J nonsense\r\n\r\n"), StoreError, "could not be reached: "),
    "nothing": (raw(b""), StoreError, "could not be reached: "),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_is_not_whole_and_plain_is_refused_with_its_reason(what: str) -> None:
    answer, kind, message = REFUSALS[what]
    with loopback_server(answer) as server, pytest.raises(kind, match=message) as failed:
        download(f"{server.url}/cat.csv", SECRET, DownloadLimits(max_bytes=1000))
    assert type(failed.value) is kind
    assert f"{server.url}/cat.csv" in str(failed.value)
    assert "hunter22" not in str(failed.value)
    assert "\x1b" not in str(failed.value)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_a_server_that_trickles_is_left_at_the_deadline(start: bytes) -> None:
    with (
        loopback_server(trickling(start)) as server,
        pytest.raises(UnreadableSource, match=r"took longer than 0.3 s to arrive"),
    ):
        download(f"{server.url}/cat.csv", limits=DownloadLimits(total_seconds=0.3))


def test_a_server_that_trickles_its_tls_handshake_is_left_at_the_deadline() -> None:
    with (
        trickling_server(b"\x16\x03\x03\x3f\xff") as port,
        pytest.raises(UnreadableSource, match=r"took longer than 0.3 s to arrive"),
    ):
        download(f"https://127.0.0.1:{port}/cat.csv", limits=DownloadLimits(total_seconds=0.3))


def test_a_server_that_is_away_is_the_worlds_fault() -> None:
    with pytest.raises(StoreError, match=r"'http://127.0.0.1:9/cat.csv' could not be reached: "):
        download("http://127.0.0.1:9/cat.csv", SECRET)


def test_readers_of_one_download_do_not_move_each_other() -> None:
    with loopback_server(lambda handler: respond(handler, 200, CSV)) as server:
        found: Download = download(f"{server.url}/cat.csv")
    with found.open("") as one, found.open("") as other:
        assert one.read(3) == b"sku"
        assert other.read() == CSV
        assert (one.seek(-5, 2), one.read(), one.seek(0), one.read(1)) == (len(CSV) - 5, CSV[-5:], 0, b"s")
