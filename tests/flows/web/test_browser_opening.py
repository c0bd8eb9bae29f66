"""A browser is opened by a file that its owner alone can read, so that no process list shows the start link."""

import stat
from pathlib import Path

import pytest

from flows.web.browser_opening import opened_browser
from tests.fixtures.waiting import eventually

ADDRESS = "http://127.0.0.1:8420/start?secret=abc&x=1"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which a browser of ours writes what it was asked to open, and what it found there."""
    written, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {written}.part; stat -c %a "${{1#file://}}" >> {written}.part\n'
                       f'cat "${{1#file://}}" >> {written}.part; mv {written}.part {written}\n', "utf-8")  # fmt: skip
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    return written


def fail_test() -> None:
    pytest.fail("a browser could be opened")


def test_where_there_is_no_browser_that_is_said() -> None:
    told: list[str] = []
    with opened_browser(ADDRESS, lambda: told.append("none"), wanted=True, open_url=lambda _: False):
        assert eventually(lambda: bool(told))


def test_a_browser_finds_the_address_in_a_private_file_that_goes_afterwards(opened: Path) -> None:
    with opened_browser(ADDRESS, fail_test, wanted=True):
        assert eventually(opened.exists)
    address, mode, *page = opened.read_text("utf-8").splitlines()
    assert "secret" not in address
    assert int(mode, 8) == stat.S_IRUSR | stat.S_IWUSR
    assert 'content="0;url=http://127.0.0.1:8420/start?secret=abc&amp;x=1"' in "".join(page)
    assert not Path(address.removeprefix("file://")).exists()


def test_none_is_opened_unless_asked_for(opened: Path) -> None:
    with opened_browser(ADDRESS, fail_test, wanted=False):
        pass
    assert not opened.exists()
