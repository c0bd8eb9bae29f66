"""Private files: readable by their owner alone, and whole or absent."""

import stat
from pathlib import Path

import pytest

from infra.private_files import locked_folder, write_private_file


def test_a_private_file_is_its_owners_and_replaces_an_earlier_one_that_was_not(tmp_path: Path) -> None:
    path = tmp_path / "private" / "secret"
    with locked_folder(path.parent, "lock"):
        path.write_bytes(b"old")
        path.chmod(0o644)
        write_private_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent)] == [0o600, 0o700]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(OSError, match="secret"):
        write_private_file(tmp_path / "secret", b"bytes")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
