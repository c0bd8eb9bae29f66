"""Nothing reaches a route whose host, origin, size or token is wrong: tried over loopback against a real server."""

import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.web.forms import CSRF_FIELD, MAX_FIELDS, MAX_FORM_BYTES
from flows.web.server import ServerOptions
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import RunningWebServer, WebBrowser, web_server

ANSWER = "/catalogues/home/tests/answer"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningWebServer]:
    with web_server([PART]) as running:
        yield running


@pytest.fixture(scope="module")
def ann(server: RunningWebServer) -> WebBrowser:
    return server.browser("ann")


def test_a_form_of_the_server_s_own_page_is_taken(ann: WebBrowser) -> None:
    assert ann.post(ANSWER, verdict="accept").text == "ann: accept"


def test_a_program_without_an_origin_may_send_the_session_s_token(ann: WebBrowser) -> None:
    assert ann.raw.post(ANSWER, data={CSRF_FIELD: ann.csrf_token, "verdict": "a"}).text == "ann: a"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_page_of_another_origin_is_refused_despite_the_right_token(ann: WebBrowser, headers: dict[str, str]) -> None:
    answer = ann.raw.post(ANSWER, data={CSRF_FIELD: ann.csrf_token, "verdict": "a"}, headers=headers)
    assert answer.status_code == 403
    assert "Pages of another origin" in answer.text


@pytest.mark.parametrize("token", ["", "wrong", "x" * 43, "\U0001f600"])
def test_a_form_without_the_session_s_token_is_refused(ann: WebBrowser, token: str) -> None:
    assert ann.post(ANSWER, **{CSRF_FIELD: token}).status_code == 403


def test_the_token_of_another_session_is_refused(server: RunningWebServer, ann: WebBrowser) -> None:
    other = server.browser("ann")
    assert other.csrf_token != ann.csrf_token
    assert ann.post(ANSWER, **{CSRF_FIELD: other.csrf_token}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "", "127.0.0.1:1", "localhost:8420@evil.example"])
def test_a_name_that_leads_to_loopback_is_refused_for_pages_and_forms(ann: WebBrowser, host: str) -> None:
    answers = (ann.get("/", Host=host), ann.raw.post(ANSWER, data={CSRF_FIELD: ann.csrf_token}, headers={"Host": host}))
    for answer in answers:
        assert answer.status_code == 400
        assert "This server has another name" in answer.text


def test_two_hosts_in_one_request_are_refused(server: RunningWebServer) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    answer = send(port, f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(ann: WebBrowser, method: str) -> None:
    assert ann.raw.request(method, ANSWER, headers={"X-CSRF": ann.csrf_token}).status_code == 405


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_other_bodies_are_refused(ann: WebBrowser, kind: str) -> None:
    body = f"{CSRF_FIELD}={ann.csrf_token}".encode()
    assert ann.raw.post(ANSWER, content=body, headers={"Content-Type": kind}).status_code == 415


def test_a_body_of_a_megabyte_is_refused_before_it_is_read(server: RunningWebServer, ann: WebBrowser) -> None:
    field = f"{CSRF_FIELD}={ann.csrf_token}&verdict="
    fits = field + "x" * (MAX_FORM_BYTES - len(field))
    assert ann.raw.post(ANSWER, content=fits, headers=FORM).status_code == 200
    assert ann.raw.post(ANSWER, content=fits + "x", headers=FORM).status_code == 413
    port = int(server.url.rsplit(":", 1)[1])
    head = f"POST {ANSWER} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {FORM['Content-Type']}\r\n"
    for length in ("99999999999", "9" * 30):
        answer = send(port, f"{head}Content-Length: {length}\r\nConnection: close\r\n\r\n")
        assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400")), "answered, though no byte of the body came"


def test_a_body_in_pieces_is_counted(ann: WebBrowser) -> None:
    pieces = (b"x" * 100_000 for _ in range(11))
    assert ann.raw.post(ANSWER, content=pieces, headers=FORM).status_code == 413


def test_a_form_of_too_many_fields_is_refused(ann: WebBrowser) -> None:
    assert ann.raw.post(ANSWER, content="&".join(["a=1"] * (MAX_FIELDS + 1)), headers=FORM).status_code == 413


def test_nobody_s_form_is_refused(server: RunningWebServer) -> None:
    assert server.browser().post(ANSWER, verdict="accept").status_code == 401


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_no_bytes_are_answered_with_more_than_a_refusal(server: RunningWebServer, ann: WebBrowser, body: bytes) -> None:
    assert ann.raw.post(ANSWER, content=body, headers=FORM).status_code == 403


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="."), min_size=1, max_size=60))
def test_no_path_leads_out(server: RunningWebServer, ann: WebBrowser, text: str) -> None:
    for path in (f"/static/{quote(text, safe='')}", f"/catalogues/{quote(text)}/tests"):
        assert ann.get(path).status_code == 404 or text in {"web.css", "report.css", "packshot.svg", "home"}


@pytest.mark.parametrize(
    "path",
    ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/%00",
     "/static/..%5capp.py", "/static/web.css/..", "/catalogues/home%2f../tests", "/catalogues/../tests",
     "//evil.example"],
)  # fmt: skip
def test_known_ways_out_lead_nowhere(server: RunningWebServer, path: str) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    answer = send(port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404"), answer


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 60_000])
def test_a_number_that_python_does_not_read_is_refused_before_it_is_a_defect(
    server: RunningWebServer, number: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's request that ends in a traceback fills the disk of whoever runs the server."""
    gallery = server.browser().get(f"/catalogues/home/tests/release/{number}")
    assert (gallery.status_code, "more than 2,000 characters" in gallery.text) == (414, True)
    assert "Unexpected error" not in caplog.text


def test_a_websocket_is_not_opened(server: RunningWebServer) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    upgrade = "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: YQ==\r\n"
    answer = send(port, f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{upgrade}\r\n")
    assert not answer.startswith(b"HTTP/1.1 101")


def test_a_store_that_does_not_answer_lets_nobody_in_and_is_no_defect() -> None:
    with web_server([PART]) as server:
        browser = server.browser("ann")
        assert browser.get("/catalogues/home/tests").text == "ann"
        (info,) = server.context.store.list("keys/")
        server.context.store.write(info.key, b"damaged")
        assert browser.get("/catalogues/home/tests").text == "ann", "remembered"
        server.clock.advance(60)
        answer = browser.get("/catalogues/home/tests")
        assert answer.status_code == 503
        assert "The store cannot be asked who you are" in answer.text
        assert "keys/" not in answer.text, "a stranger learns no name of an object"


def test_a_proxy_s_header_counts_from_the_proxy_alone() -> None:
    options = ServerOptions(port=0, trust_header="X-Remote-User", proxies=["127.0.0.1"])
    with web_server([PART], options=options) as proxied:
        browser = proxied.browser()
        assert browser.get("/catalogues/home/tests", **{"X-Remote-User": "ann"}).text == "ann"
        assert browser.get("/catalogues/home/tests", **{"X-Remote-User": "bob"}).status_code == 303
        twice = [("X-Remote-User", "ann"), ("X-Remote-User", "ann"), ("Accept", "application/json")]
        assert browser.raw.get("/catalogues/home/tests", headers=twice).status_code == 401
        assert browser.get("/catalogues/home/tests").status_code == 303
    elsewhere = ServerOptions(port=0, trust_header="X-Remote-User", proxies=["10.0.0.4"])
    with web_server([PART], options=elsewhere) as proxied:
        answer = proxied.browser().get("/", **{"X-Remote-User": "ann", "X-Forwarded-For": "10.0.0.4"})
        assert answer.status_code == 403
        assert "answers its proxy alone" in answer.text


def send(port: int, text: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(text.encode("latin-1"))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer
