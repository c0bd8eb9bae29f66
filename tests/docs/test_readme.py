"""The README is one page, and its map is the tree."""

import re
from pathlib import Path

from tests.docs.documents import blocks
from tests.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
MAX_LINES = 130
ROOMS = ("catalogs", "infra", "tasks", "flows")


def _mapped_paths() -> list[str]:
    text = next(block.text for block in blocks("") if block.page == "README.md" and block.text.startswith("catalogs/"))
    paths, folder = [], ""
    for line in text.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name
            paths.append(name)
        else:
            paths.append(folder + name)
    return paths


def test_the_readme_is_one_page() -> None:
    assert len(README.splitlines()) <= MAX_LINES


def test_the_picture_is_small() -> None:
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / name).stat().st_size < 300_000


def test_every_place_on_the_map_is_in_the_tree() -> None:
    assert [path for path in _mapped_paths() if not (ROOT / path).exists()] == []


def test_every_folder_of_the_rooms_is_on_the_map() -> None:
    folders = {f"{room}/" for room in (*ROOMS, "tests")}
    for room in ROOMS:
        folders |= {f"{room}/{path.name}/" for path in (ROOT / room).iterdir() if _holds_files(path)}
    assert sorted(folders - set(_mapped_paths())) == []


def _holds_files(path: Path) -> bool:
    return path.is_dir() and any(file.is_file() and "__pycache__" not in file.parts for file in path.rglob("*"))


def test_the_promises_are_those_of_the_architecture() -> None:
    promised = re.findall(r"^(\d+)\. \*\*", README, re.MULTILINE)
    page = (ROOT / "docs/architecture/promises.md").read_text("utf-8")
    assert promised == re.findall(r"^## (\d+)\. ", page, re.MULTILINE) == [str(number) for number in range(1, 11)]
