"""Every answer, whatever its status, forbids scripts inside pages, foreign content, frames and guessing of types."""

import pytest

from flows.web.response_headers import SECURITY_HEADERS
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import web_server


def test_every_kind_of_answer_carries_every_header(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    base = "/catalogues/home/tests"
    with web_server([PART]) as server:
        ann = server.browser("ann")
        answers = {
            200: ann.get(base), 303: server.browser().get("/"), 400: ann.get("/", Host="evil.example"),
            403: ann.post(f"{base}/answer", csrf="wrong"), 404: ann.get("/nothing"), 405: ann.raw.request("PUT", "/"),
            413: ann.post(f"{base}/answer", text="x" * 1_000_001), 500: ann.get(f"{base}/fail/defect"),
            503: ann.get(f"{base}/fail/store"), 401: server.browser().post(f"{base}/answer"),
        }  # fmt: skip
        files = [ann.get("/static/web.css"), ann.get(f"{base}/image")]
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["cache-control"] == "no-store", "a page ends with its tab"
    for answer in [*answers.values(), *files]:
        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert "server" not in answer.headers


def test_the_policy_is_the_strict_one() -> None:
    directives = dict(part.strip().split(" ", 1) for part in SECURITY_HEADERS["Content-Security-Policy"].split(";"))
    assert directives == {
        "default-src": "'none'",
        "img-src": "'self'",
        "style-src": "'self'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
