"""The README is one page, and its map is the tree, in the order of its imports."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.documents import blocks
from tests.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
MAX_LINES = 120
ROOMS = ("catalogs", "infra", "tasks", "flows")


def _mapped_paths() -> list[str]:
    text = next(block.text for block in blocks("") if block.page == "README.md" and block.text.startswith("flows/"))
    paths, room = [], ""
    for line in text.splitlines():
        names = re.split(r"\s{2,}", line.strip())[0].split()
        if not line.startswith(" "):
            room = names[0]
            paths.append(room)
        else:
            paths += [room + name for name in names]
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


def test_a_place_stands_on_the_map_once() -> None:
    paths = _mapped_paths()
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("room", ["flows", "tasks", "catalogs"])
def test_the_map_has_the_order_of_the_imports(room: str) -> None:
    order = {f"{room}/{name}": level for level, names in enumerate(_layers(room)) for name in names}
    places = [path.removesuffix(".py").rstrip("/") for path in _mapped_paths() if path.startswith(f"{room}/")]
    levels = [(order[place], place) for place in places if place in order]
    assert [level for level, _ in levels] == sorted(level for level, _ in levels), levels
    assert len(levels) >= 6


def test_a_folder_of_the_map_says_in_its_first_line_what_it_is() -> None:
    folders = [ROOT / path for path in _mapped_paths() if path.split("/")[0] in ROOMS and path.endswith("/")]
    with_code = [folder / "__init__.py" for folder in folders if list(folder.glob("*.py"))]
    assert [str(file) for file in with_code if not ast.get_docstring(ast.parse(file.read_text("utf-8")))] == []


def _layers(room: str) -> list[list[str]]:
    """Return the packages of each level of a room, the uppermost first: its import-linter contract."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    levels = next(each["layers"] for each in contracts if each.get("containers") == [room])
    return [re.split(r"\s*[|:]\s*", level) for level in levels]


def _holds_files(path: Path) -> bool:
    return path.is_dir() and any(file.is_file() and "__pycache__" not in file.parts for file in path.rglob("*"))


def test_the_promises_are_those_of_the_architecture() -> None:
    promised = re.findall(r"^(\d+)\. \*\*", README, re.MULTILINE)
    page = (ROOT / "docs/architecture/promises.md").read_text("utf-8")
    assert promised == re.findall(r"^## (\d+)\. ", page, re.MULTILINE) == [str(number) for number in range(1, 12)]
