"""Private files and folders are for their owner alone, whatever was there before, and whole or absent."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.private_files import (
    find_exposure,
    locked_folder,
    make_private_file,
    make_private_folder,
    narrow,
    write_private_file,
)
from tests.fixtures.other_user import NEEDS_ROOT, OTHER_UID


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_folder_and_a_wide_one_end_private(tmp_path: Path) -> None:
    wide = tmp_path / "wide"
    wide.mkdir()
    wide.chmod(0o777)
    for folder in (wide, tmp_path / "new" / "below"):
        make_private_folder(folder)
        assert (mode_of(folder), find_exposure(folder)) == (0o700, None)


def test_a_new_file_and_a_wide_one_end_private_with_their_content(tmp_path: Path) -> None:
    new, wide = tmp_path / "new", tmp_path / "wide"
    wide.write_bytes(b"rows")
    wide.chmod(0o644)
    make_private_file(new)
    make_private_file(wide)
    assert [(mode_of(file), file.read_bytes()) for file in (new, wide)] == [(0o600, b""), (0o600, b"rows")]


def test_a_database_behind_a_link_is_narrowed_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"rows")
    (tmp_path / "link").symlink_to("real")
    make_private_file(tmp_path / "link")
    assert ((tmp_path / "link").is_symlink(), mode_of(tmp_path / "real")) == (True, 0o600)


def test_a_written_file_replaces_a_link_that_was_laid_in_its_place(tmp_path: Path) -> None:
    bait = tmp_path / "bait"
    bait.write_text("", "utf-8")
    (tmp_path / "login").symlink_to(bait)
    write_private_file(tmp_path / "login", b"secret")
    assert (bait.read_bytes(), (tmp_path / "login").read_bytes()) == (b"", b"secret")
    assert (mode_of(tmp_path / "login"), (tmp_path / "login").is_symlink()) == (0o600, False)


def test_the_owner_keeps_his_rights(tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.touch()
    file.chmod(0o755)
    narrow(file)
    assert mode_of(file) == 0o700


def test_a_folder_that_others_can_list_is_exposed(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    folder.mkdir(mode=0o750)
    assert find_exposure(folder) == f"{folder} has mode 0750, which its file system does not let change"


def test_a_folder_that_everybody_could_replace_is_exposed_unless_only_owners_may_rename_there(tmp_path: Path) -> None:
    folder = tmp_path / "shared" / "up"
    make_private_folder(folder)
    folder.parent.chmod(0o777)
    assert find_exposure(folder) == f"{folder.parent} can be written by everybody"
    folder.parent.chmod(0o1777)
    assert find_exposure(folder) is None


@NEEDS_ROOT
def test_a_folder_or_a_link_of_another_user_is_exposed(tmp_path: Path) -> None:
    theirs, ours, link = tmp_path / "theirs", tmp_path / "ours", tmp_path / "link"
    make_private_folder(theirs)
    make_private_folder(ours)
    link.symlink_to(ours)
    assert find_exposure(link) is None
    for path in (theirs, link):
        os.chown(path, OTHER_UID, OTHER_UID, follow_symlinks=False)
        assert find_exposure(path) == f"{path} belongs to another user"


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
