"""S1: what a page in a browser sends to a local server does not arrive, unless the page is the server's own UI."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from flows.orchestration.server_guard import guard_app

OURS = ("http://127.0.0.1:4200", "http://localhost:4200")
FOREIGN = (
    "http://evil.example", "http://127.0.0.1:4201", "http://127.0.0.1", "https://127.0.0.1:4200", "null", "",
    "http://127.0.0.1:4200.evil.example", "http://127.0.0.1:4200, http://evil.example", "HTTP://LOCALHOST:4200",
)  # fmt: skip


class Recorder:
    """An app that answers everything, and counts what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        routes = [
            Route("/", self.answer, methods=["GET", "POST", "OPTIONS"]),
            WebSocketRoute("/socket", self.open),
        ]
        self.client = TestClient(guard_app(Starlette(routes=routes), 4200), base_url=OURS[0])

    async def answer(self, request: Request) -> PlainTextResponse:
        self.reached.append(request.method)
        return PlainTextResponse("done")

    async def open(self, socket: WebSocket) -> None:
        self.reached.append("socket")
        await socket.accept()
        await socket.close()


@pytest.fixture
def app() -> Recorder:
    return Recorder()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "[::1]:4200", "10.0.0.1"]
)
@pytest.mark.parametrize("path", ["/", "/socket"])
def test_s1_a_name_that_was_bent_to_loopback_reaches_nothing(app: Recorder, host: str, path: str) -> None:
    assert _status(app, path, {"host": host}) == 400
    assert app.reached == []


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", ["/", "/socket"])
def test_s1_a_page_of_another_origin_reaches_nothing(app: Recorder, origin: str, path: str) -> None:
    assert _status(app, path, {"origin": origin}) == 403
    assert app.reached == []


def test_s1_a_preflight_of_another_origin_is_not_answered(app: Recorder) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = app.client.options("/", headers=asked)
    assert (answer.status_code, "access-control-allow-origin" in answer.headers, app.reached) == (403, False, [])


@pytest.mark.parametrize("headers", [{}, {"origin": OURS[0]}, {"origin": OURS[1]}, {"host": "localhost"}], ids=str)
def test_programs_and_the_ui_itself_reach_it(app: Recorder, headers: dict[str, str]) -> None:
    assert _status(app, "/", headers) == 200
    assert _status(app, "/socket", headers) == 101
    assert app.reached == ["POST", "socket"]


def test_no_page_may_show_the_ui_in_a_frame(app: Recorder) -> None:
    assert app.client.get("/").headers["content-security-policy"] == "frame-ancestors 'none'"


def _status(app: Recorder, path: str, headers: dict[str, str]) -> Any:
    if path == "/":
        return app.client.post("/", headers=headers).status_code
    try:
        with app.client.websocket_connect(f"ws://127.0.0.1:4200{path}", headers=headers) as socket:
            with pytest.raises(WebSocketDisconnect):
                socket.receive_text()
            return 101
    except WebSocketDenialResponse as refused:
        return refused.status_code
