"""Ray's folder is for this user alone, short enough for sockets, and gone at the end."""

import stat
import tempfile
from pathlib import Path

import pytest

from infra.errors import EngineError
from infra.pools import ray_folder
from infra.pools.ray_folder import LONGEST_SOCKET, SOCKET_PATH_BYTES, open_ray_folder


def test_it_lies_in_a_private_folder_that_goes_with_it() -> None:
    with open_ray_folder() as path:
        private = Path(path).parent
        assert (Path(path).exists(), stat.S_IMODE(private.stat().st_mode)) == (False, 0o700)
        Path(path).mkdir()
        assert len(path) == len(str(private.parent)) + LONGEST_SOCKET.index("/session")
    assert not private.exists()


@pytest.mark.parametrize("kind", ["long", "missing", "a file"])
def test_where_tmpdir_cannot_hold_sockets_it_lies_below_tmp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    place = {"long": tmp_path / ("ä" * 60), "missing": Path("/nowhere"), "a file": Path("/etc/hostname")}[kind]
    if kind == "long":
        place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with open_ray_folder() as path:
        assert str(Path(path).parent.parent) == ray_folder.SHORT_FOLDERS[0]
        assert len(f"{ray_folder.SHORT_FOLDERS[0]}{LONGEST_SOCKET}") <= SOCKET_PATH_BYTES


def test_without_any_place_the_error_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    monkeypatch.setattr(ray_folder, "SHORT_FOLDERS", ("/nowhere",))
    with pytest.raises(EngineError, match=r"set TMPDIR to one .* at most 19 bytes"), open_ray_folder():
        raise AssertionError("There is no such place.")
