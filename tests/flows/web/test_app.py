"""The app refuses to start with a route without a scope, and shows its parts to those who may see them."""

import subprocess
import sys

import pytest
from fastapi import APIRouter, FastAPI

from catalogs.answers.person import Scope
from flows.web.app import check_scopes, create_app
from flows.web.scopes import Looker
from flows.web.web_context import WebPart
from tests.fixtures.web_part import PART, router
from tests.fixtures.web_servers import web_server
from tests.paths import ROOT


def test_a_route_without_a_scope_is_found_before_anybody_can_use_it() -> None:
    forgotten = APIRouter()

    @forgotten.post("/delete")
    def delete(number: int) -> int:
        return number

    with pytest.raises(ValueError, match="/delete asks for no scope"):
        check_scopes(forgotten)
    inside = APIRouter()
    inside.include_router(forgotten, prefix="/inner")
    with pytest.raises(ValueError, match="asks for no scope"):
        check_scopes(inside)
    mounted = APIRouter()
    mounted.mount("/files", FastAPI())
    with pytest.raises(ValueError, match="is no route with a scope"):
        check_scopes(mounted)
    check_scopes(router)


def test_one_catalogue_opens_at_once_and_several_are_listed() -> None:
    with web_server([PART]) as server:
        assert server.browser("ann").get("/").headers["location"] == "/catalogues/home/tests"
    with web_server([PART], catalogues=("home", "garden")) as server:
        listed = server.browser("ann").get("/").text
        assert '<a href="/catalogues/home/tests">' in listed
        assert '<a href="/catalogues/garden/tests">' in listed
    with web_server([PART], catalogues=()) as server:
        assert "This store has no catalogue yet" in server.browser("ann").get("/").text


def test_a_catalogue_that_the_server_does_not_show_is_not_found() -> None:
    with web_server([PART]) as server:
        answer = server.browser("ann").get("/catalogues/garden/tests")
        assert answer.status_code == 404
        assert "This server shows no such catalogue" in answer.text


def test_the_navigation_shows_what_a_person_may_open() -> None:
    parts = [PART, WebPart("Held", "/held", APIRouter(), Scope.RELEASE)]
    people = {"ann": frozenset({Scope.LOOK}), "bob": frozenset({Scope.LOOK, Scope.RELEASE})}
    with web_server(parts, people=people) as server:
        seen = {name: server.browser(name).get("/catalogues/home/tests/failure").text for name in people}
    assert '<a href="/catalogues/home/held">Held</a>' in seen["bob"]
    assert "/catalogues/home/held" not in seen["ann"]
    assert '<a href="/catalogues/home/tests">Tests</a>' in seen["ann"]


def test_neither_documentation_nor_a_schema_is_served() -> None:
    with web_server([PART]) as server:
        for path in ("/docs", "/redoc", "/openapi.json", "/catalogues/home/tests/"):
            assert server.browser("ann").get(path).status_code == 404


def test_a_part_of_a_server_needs_a_catalogue_in_its_path() -> None:
    part = APIRouter()

    @part.get("")
    def look(person: Looker) -> str:
        return person.name

    with web_server([WebPart("Gallery", "/gallery", part)]) as server:
        app = create_app(server.context)
        assert app.state.context is server.context
        assert server.browser("ann").get("/gallery").status_code == 404
        assert server.browser("ann").get("/catalogues/home/gallery").json() == "ann"


@pytest.mark.slow
def test_a_whole_console_brings_neither_prefect_nor_a_model_s_libraries_into_memory() -> None:
    """OpenCV makes its thumbnails, and pyarrow brings pandas by itself where that is installed."""
    script = """
import re, sys
from pathlib import Path
from flows.web.console_parts import console_parts
from tests.paths import ROOT
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import web_server
with web_server([PART, *console_parts()]) as server:
    assert server.browser("ann").get("/catalogues/home/tests").text == "ann"
unwanted = ("prefect", "torch", "onnxruntime", "great_expectations", "ray")
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())  # getrusage counts the process before too
print([name for name in unwanted if name in sys.modules], int(peak[1]) // 1024)
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    imported, _, megabytes = run.stdout.strip().rpartition(" ")
    assert imported == "[]"
    assert int(megabytes) < 300, "before its first image; a console at work stays below 400"
