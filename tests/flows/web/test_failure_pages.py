"""What cannot be answered says what to do, as a page or as JSON, and never shows a defect's details."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import RunningWebServer, web_server

FAIL = "/catalogues/home/tests/fail"
CASES = [
    (f"{FAIL}/input", 400, "--since: &#39;x&#39; is no date."),
    (f"{FAIL}/store", 503, "The bucket does not answer"),
    (f"{FAIL}/gone", 404, "There is no such image."),
    (f"{FAIL}/item", 404, "Nothing of this name waits."),
    (f"{FAIL}/defect", 500, "The server has met a defect"),
    ("/catalogues/home/tests/number/x%3Cb%3E", 400, "The address has a value of the wrong form"),
    ("/nothing", 404, "Not Found"),
    ("/catalogues/home/tests/answer", 405, "Method Not Allowed"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningWebServer]:
    with web_server([PART]) as running:
        yield running


@pytest.fixture(autouse=True)
def _errors_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize(("path", "status", "sentence"), CASES)
def test_a_failure_is_a_page_that_says_what_to_do(
    server: RunningWebServer, path: str, status: int, sentence: str
) -> None:
    answer = server.browser("ann").get(path)
    assert answer.status_code == status
    assert sentence in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "secret detail" not in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize(("path", "status", "sentence"), CASES)
def test_a_failure_is_json_where_that_was_asked_for(
    server: RunningWebServer, path: str, status: int, sentence: str
) -> None:
    answer = server.browser("ann").raw.get(path, headers={"Accept": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (status, status)
    assert sentence.replace("&#39;", "'") in error["message"]


def test_a_defect_s_traceback_is_in_a_file_and_the_server_goes_on(server: RunningWebServer, tmp_path: Path) -> None:
    browser = server.browser("ann")
    assert browser.get(f"{FAIL}/defect").status_code == 500
    (file,) = (tmp_path / "packshot" / "errors").iterdir()
    assert "secret detail of a defect" in file.read_text("utf-8")
    assert browser.get("/catalogues/home/tests").text == "ann"
