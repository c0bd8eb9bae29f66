"""Files have the type of their bytes, a validator and an age; no name of a request becomes a path."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from fastapi import Request

from flows.web.web_files import MAX_IMAGE_BYTES, image_response, static_files, static_response, static_url
from tests.fixtures.web_part import JPEG, PART
from tests.fixtures.web_servers import RunningWebServer, web_server

IMAGE = "/catalogues/home/tests/image"
NO_HEADERS = Request({"type": "http", "headers": []})


@pytest.fixture(scope="module")
def server() -> Iterator[RunningWebServer]:
    with web_server([PART]) as running:
        yield running


def test_an_image_is_kept_by_the_browser_alone_and_asked_for_again_by_its_digest(server: RunningWebServer) -> None:
    browser = server.browser("ann")
    first = browser.get(IMAGE)
    assert first.content == JPEG
    assert first.headers["content-type"] == "image/jpeg"
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["cache-control"] == "private, max-age=3600"
    assert first.headers["etag"] == f'"{sha256(JPEG).hexdigest()}"'
    again = browser.get(IMAGE, **{"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert browser.get(IMAGE, **{"If-None-Match": '"other"'}).status_code == 200


def test_a_range_is_answered_whole(server: RunningWebServer) -> None:
    answer = server.browser("ann").get(IMAGE, Range="bytes=0-1,1-2,2-3")
    assert (answer.status_code, answer.content) == (200, JPEG)


def test_nobody_sees_an_image_without_a_session(server: RunningWebServer) -> None:
    assert server.browser().get(IMAGE).status_code == 303


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"GIF89a", b"%PDF", b"<html>", b"RIFF....WEBP"])
def test_what_is_no_jpeg_or_png_is_not_sent(data: bytes) -> None:
    assert image_response(NO_HEADERS, data).status_code == 422


def test_what_is_too_large_is_not_sent() -> None:
    assert image_response(NO_HEADERS, b"\xff\xd8\xff" + bytes(MAX_IMAGE_BYTES)).status_code == 422
    assert image_response(NO_HEADERS, b"\x89PNG\r\n\x1a\n").media_type == "image/png"


def test_a_file_s_address_changes_with_the_file() -> None:
    assert static_url("web.css") == f"/static/web.css?v={sha256(static_files()['web.css']).hexdigest()[:12]}"
    with pytest.raises(KeyError):
        static_url("missing.css")


def test_only_files_that_pages_load_are_served() -> None:
    assert {"report.css", "web.css", "packshot.svg"} <= static_files().keys()
    assert static_response("../app.py") is None
    assert static_response("") is None
