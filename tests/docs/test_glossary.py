"""Modules and classes that share a name are listed in the glossary with their difference."""

import ast
import re
import subprocess
from collections import defaultdict

from tests.paths import ROOT

GLOSSARY = (ROOT / "docs/architecture/glossary.md").read_text("utf-8")
ROOMS = ("catalogs", "infra", "tasks", "flows")
TELLING_FOLDERS = ("flows/cli/commands/", "flows/cli/views/", "infra/interfaces/")
"""Folders whose modules are named after what they face: a command, its tables on the terminal, a protocol."""


def _modules() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *(f"{room}/*.py" for room in ROOMS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def _twins(names: list[tuple[str, str]]) -> dict[str, list[str]]:
    modules = defaultdict(list)
    for name, module in names:
        modules[name].append(module)
    return {name: sorted(where) for name, where in modules.items() if len(where) > 1}


def _listed() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`[\w/.]+\.py`(?:, )?)+) \| (.+) \|$", GLOSSARY, re.MULTILINE)
    assert all(difference.strip() for _, _, difference in rows)
    return {name: re.findall(r"`([^`]+)`", modules) for name, modules, _ in rows}


def test_modules_of_one_name_are_listed_as_twins() -> None:
    own = [name for name in _modules() if not name.startswith(TELLING_FOLDERS)]
    named = [(name.rsplit("/", 1)[1].removesuffix(".py"), name) for name in own]
    twins = _twins([pair for pair in named if not pair[0].startswith("__")])
    listed = _listed()
    assert {name: modules for name, modules in twins.items() if listed.get(name) != modules} == {}


def test_the_glossary_names_the_folders_that_tell_modules_apart() -> None:
    assert [folder for folder in TELLING_FOLDERS if f"`{folder}`" not in GLOSSARY] == []


def test_classes_of_one_name_are_listed_as_twins() -> None:
    classes = [
        (node.name, name)
        for name in _modules()
        for node in ast.parse((ROOT / name).read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    listed = _listed()
    assert {name: modules for name, modules in _twins(classes).items() if listed.get(name) != modules} == {}


def test_a_listed_twin_exists() -> None:
    assert [module for modules in _listed().values() for module in modules if not (ROOT / module).is_file()] == []
