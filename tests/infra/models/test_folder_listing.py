"""What a loader could open is listed, and what cannot be digested is refused by its name."""

import os
from pathlib import Path

import pytest

from infra.errors import EngineError
from infra.models import folder_listing
from infra.models.folder_listing import component_files
from tests.fixtures.model_folders import FILES, write_model_folder

COMPONENTS = ("tokenizer", "vae")


def listed(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in component_files(folder, COMPONENTS)}


def test_every_file_of_the_components_is_listed_and_nothing_beside_them(tmp_path: Path) -> None:
    write_model_folder(tmp_path, {"assets/x.json": "", "vae/.x/y": "", "vae/README.md": "", "vae/.git/HEAD": ""})
    assert listed(tmp_path) == {*FILES, "vae/.x/y"} - {"model_index.json"}


def test_links_are_followed_and_a_link_to_nothing_is_none(tmp_path: Path) -> None:
    write_model_folder(tmp_path / "m")
    (tmp_path / "blob").write_text("as the hub's cache keeps its files")
    (tmp_path / "m" / "vae" / "linked.json").symlink_to(tmp_path / "blob")
    (tmp_path / "m" / "vae" / "dangling.json").symlink_to(tmp_path / "nothing")
    assert "vae/linked.json" in listed(tmp_path / "m")
    assert "vae/dangling.json" not in listed(tmp_path / "m")


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_link_in_a_circle_is_refused_by_its_name(tmp_path: Path, target: str) -> None:
    folder = write_model_folder(tmp_path / "m")
    (folder / "vae" / "again").symlink_to(target)
    with pytest.raises(EngineError, match="link in a circle, 'vae/again"):
        listed(folder)


def test_a_name_with_a_line_break_is_refused(tmp_path: Path) -> None:
    """In a listing it would be two files, and so could stand for another folder."""
    write_model_folder(tmp_path, {"vae/a\nb": ""})
    with pytest.raises(EngineError, match="printable"):
        listed(tmp_path)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(write_model_folder(tmp_path) / "vae" / "pipe.safetensors")
    with pytest.raises(EngineError, match=r"'vae/pipe\.safetensors', which is no plain file"):
        listed(tmp_path)


def test_more_files_than_a_model_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_listing, "MAX_COMPONENT_FILES", 3)
    with pytest.raises(EngineError, match="more than 3 files"):
        listed(write_model_folder(tmp_path))
