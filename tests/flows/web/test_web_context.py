"""What pages share is found by every route, and a catalogue is one that the server shows."""

import pytest
from fastapi import FastAPI, HTTPException, Request

from flows.web.web_context import known_catalogue, web_context
from tests.fixtures.web_servers import BEGIN, web_server


def test_a_request_finds_its_server_s_context_and_catalogue() -> None:
    with web_server(catalogues=("home",)) as server:
        app = FastAPI()
        app.state.context = server.context

        def asking(name: str) -> Request:
            return Request({"type": "http", "app": app, "path_params": {"catalogue": name}, "headers": []})

        assert web_context(asking("home")) is server.context
        assert known_catalogue(asking("home")) == "home"
        assert server.context.now() == BEGIN
        for stranger in ("garden", "", "../home", "home/"):
            with pytest.raises(HTTPException) as refused:
                known_catalogue(asking(stranger))
            assert refused.value.status_code == 404
