"""Unexpected errors leave one sentence, and a file for whoever mends them."""

import os
import stat
from pathlib import Path

import pytest

from infra import error_files
from infra.error_files import MAX_FILES, error_folder, record_unexpected_error
from infra.errors import UnexpectedError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return error_folder()


def fail(message: object) -> Exception:
    secret = "hidden-in-a-local"  # noqa: S105 - a test's own
    try:
        raise KeyError(message, len(secret))
    except KeyError as error:
        return error


def test_the_sentence_names_what_happened_and_the_file(folder: Path) -> None:
    error = record_unexpected_error(fail("no such slot"))
    [path] = folder.iterdir()
    assert isinstance(error, UnexpectedError)
    assert error.exit_code == 3
    assert str(error).startswith("Unexpected error: KeyError: ('no such slot', 17); its traceback is in ")
    assert str(path) in str(error)
    assert "raise KeyError(message, len(secret))" in path.read_text("utf-8")


def test_the_file_is_its_owners_alone_and_holds_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    record_unexpected_error(fail("\x1b[2J https://ada:hunter22@host/x?sig=12345678 with hf_abcdefgh"))
    [path] = folder.iterdir()
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
    text = path.read_text("utf-8")
    assert "\x1b" not in text
    for secret in ("hunter22", "12345678", "hf_abcdefgh", "hidden-in-a-local'"):
        assert secret not in text.replace('secret = "hidden-in-a-local"', "")


def test_years_of_failing_nights_keep_the_newest_files(folder: Path) -> None:
    names = []
    for night in range(MAX_FILES + 7):
        record_unexpected_error(fail(f"night {night}"))
        names += [path.name for path in folder.iterdir() if path.name not in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)[7:]


def test_a_folder_that_cannot_be_made_costs_the_file_and_not_the_sentence(folder: Path) -> None:
    folder.parent.parent.write_text("in the way")
    message = str(record_unexpected_error(fail("x")))
    assert "its traceback could not be kept ([Errno 20] Not a directory" in message


def test_exhausted_memory_and_endless_recursion_are_said_like_any_other(folder: Path) -> None:
    assert str(record_unexpected_error(MemoryError())).startswith("Memory ran out; its traceback is in ")
    assert str(record_unexpected_error(RecursionError("maximum recursion depth exceeded"))).startswith(
        "Unexpected error: RecursionError: maximum recursion depth exceeded; "
    )
    assert len(list(folder.iterdir())) == 2


def test_a_megabyte_in_a_message_makes_no_megabyte_in_the_file(folder: Path) -> None:
    record_unexpected_error(fail("x" * 3_000_000))
    [path] = folder.iterdir()
    assert path.stat().st_size < 2 * error_files.MAX_FILE_CHARACTERS
    assert os.access(path, os.R_OK)
