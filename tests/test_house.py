"""The house keeps its own rules: what the README and the docstrings promise about the code is checked here.

Each rule reads the files that git knows, so that a module which is not yet committed is not judged.
"""

import ast
import importlib
import pickle
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

ROOMS = ("flows", "tasks", "infra", "catalogs")
MODULE_LINES, FUNCTION_LINES = 280, 45

LONG_MODULES: dict[str, str] = {
    "catalogs/layout.py": "every object key, one short function each, and nothing else",
    "catalogs/table_schemas.py": "every column of every table, one a line, and nothing else",
    "catalogs/table_rows.py": "the same columns as types, one a line, and nothing else",
}
LONG_FUNCTIONS: dict[str, str] = {}
"""What may be longer than the budget, each with its reason."""

BINARY_FOLDERS = ("docs/", "tests/data/", "infra/nano/packshot-nano/", "catalogs/data/photos/", "catalogs/data/stages/")
"""Where a tracked file may be other than text."""

ROOT_FILES = {
    ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md",
    "constraints.txt", "pyproject.toml",
}  # fmt: skip
"""Everything that may stand in the root beside the folders."""

TESTED_ELSEWHERE = {
    "infra/testing/disturbances.py": "test_simulated_processes.py lets each kind happen",
    "flows/orchestration/local_worker.py": "test_local_stack.py starts two, and ends them",
    "catalogs/errors.py": "every class is pickled and looked up in the drawn tree below",
    "catalogs/table_schemas.py": "declarations only; every stage's test builds its tables by them",
    "infra/composing/kept_terms.py": "declarations only; flows/wiring/kept_images.py fills them",
    "infra/coordination/piped_worker.py": "the inside of a process; test_piped_process.py starts and kills it",
    "infra/coordination/progress.py": "one variable; test_process_pool.py lets a process stay silent",
    "infra/interfaces/cutouts.py": "two plain values; the tests of cutting and compositing make them",
    "infra/interfaces/objects.py": "declarations only; each adapter's contract test asks them",
    "infra/interfaces/pixels.py": "one type",
    "infra/interfaces/provenance.py": "declarations only; test_signing.py and test_watermarks.py use them",
    "infra/interfaces/screening.py": "declarations only; each adapter's contract test asks them",
    "infra/interfaces/tables.py": "declarations only; each adapter's contract test asks them",
    "flows/parts.py": "an old name; tests/flows/test_old_names.py imports it",
    "flows/sweeping.py": "an old name; tests/flows/test_old_names.py imports it",
    "infra/pools/process_worker.py": "the inside of a composing process; test_process_pool.py starts and kills it",
    "infra/screening/inline.py": "test_screeners.py asks one contract of it and of the processes",
    "infra/screening/worker.py": "the inside of a measuring process; test_processes.py starts and kills it",
}
"""Modules without a mirrored test file, each with its reason. Package files (`__init__.py`) need none."""


def tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return sorted(ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file())


def modules() -> list[Path]:
    return tracked(*(f"{room}/*.py" for room in ROOMS))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name_of(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def texts() -> Iterator[tuple[str, str]]:
    """Yield every tracked text file but this one, which has to name what it looks for."""
    for path in tracked():
        if path != Path(__file__):
            try:
                yield name_of(path), path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def error_classes() -> list[type[Exception]]:
    found = []
    for name in ("catalogs.errors", "infra.errors"):
        module = importlib.import_module(name)
        found += [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Exception)]
    return found


def test_the_contracts_between_the_rooms_hold() -> None:
    command = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout), done.stdout


def test_every_module_says_what_comes_in_and_what_goes_out() -> None:
    silent = [name_of(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def test_every_module_has_a_test_file_in_the_same_place() -> None:
    names = {name_of(path) for path in modules() if path.name not in {"__init__.py", "__main__.py"}}
    missing = [
        name
        for name in sorted(names - TESTED_ELSEWHERE.keys())
        if not (ROOT / "tests" / Path(name).parent / f"test_{Path(name).name}").is_file()
    ]
    assert missing == []
    assert TESTED_ELSEWHERE.keys() <= names, "an exception for a module that is gone"


def test_every_tests_folder_is_a_package() -> None:
    folders = {parent for path in tracked("tests/*.py") for parent in path.parents if ROOT in parent.parents}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_modules_and_functions_keep_their_budget() -> None:
    module_lines = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    function_lines = {name: lines for path in modules() for name, lines in functions(path)}
    print(f"{len(module_lines)} modules of {sum(module_lines.values())} lines, {len(function_lines)} functions")  # noqa: T201 - to be read
    for what, sizes in (("module", module_lines), ("function", function_lines)):
        for name, lines in sorted(sizes.items(), key=lambda item: -item[1])[:5]:
            print(f"  longest {what}s: {lines:4} {name}")  # noqa: T201
    assert {
        name: lines for name, lines in module_lines.items() if lines > MODULE_LINES and name not in LONG_MODULES
    } == {}
    assert {n: lines for n, lines in function_lines.items() if lines > FUNCTION_LINES and n not in LONG_FUNCTIONS} == {}
    assert LONG_MODULES.keys() <= module_lines.keys(), "an exception for a module that is gone"
    assert LONG_FUNCTIONS.keys() <= function_lines.keys(), "an exception for a function that is gone"


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_an_error_survives_the_way_between_processes(kind: type[Exception]) -> None:
    error = pickle.loads(pickle.dumps(kind("The value 'x' is wrong; give another.")))  # noqa: S301 - our own bytes
    assert type(error) is kind
    assert str(error) == "The value 'x' is wrong; give another."


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_an_error_stands_in_the_drawn_tree_and_says_what_it_is(kind: type[Exception]) -> None:
    assert kind.__doc__
    drawn = sys.modules[kind.__module__].__doc__ or ""
    assert re.search(rf"^[ │├└─]*{kind.__name__}\b", drawn, re.MULTILINE), f"{kind.__name__} is not in the tree"


def test_nothing_is_mocked() -> None:
    word = re.compile(r"unittest\.mock|from unittest import mock|\bmocker\b")
    assert [name for name, text in texts() if word.search(text) and name != "pyproject.toml"] == []


def test_no_path_of_one_machine_is_written_down() -> None:
    path = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work)/")
    assert {name: path.findall(text) for name, text in texts() if path.search(text)} == {}


def test_binaries_are_tracked_only_where_pictures_test_data_the_model_and_the_rehearsals_photos_live() -> None:
    misplaced = []
    for path in tracked():
        try:
            path.read_text("utf-8")
        except UnicodeDecodeError:
            misplaced.append(name_of(path))
    assert [name for name in misplaced if not name.startswith(BINARY_FOLDERS)] == []


def test_the_root_holds_only_files_that_are_known_here() -> None:
    assert sorted({path.name for path in tracked() if path.parent == ROOT} - ROOT_FILES) == []


def test_no_room_has_a_drawer_for_everything() -> None:
    drawers = re.compile(r"^(utils?|helpers?|common|misc|shared)(_|\.|$)")
    assert [
        name_of(path) for path in modules() if any(drawers.match(part) for part in path.relative_to(ROOT).parts)
    ] == []


def test_every_dependency_says_why_it_is_here_and_stands_in_the_constraints() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    wanted = [requirement for group in groups for requirement in group]
    pinned = {
        re.sub("[-_.]+", "-", line.split("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    }
    names = {re.sub("[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower() for requirement in wanted}
    assert sorted(names - pinned) == ["tensorrt"]  # it comes from NVIDIA's own index, and only where a GPU is
    listed = [line for line in text[: text.index("[project.scripts]")].splitlines() if line.startswith('    "')]
    assert len(listed) == len(wanted)
    assert [line for line in listed if "#" not in line] == []


def test_make_prints_its_targets_and_they_exist() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE)
    assert {"rehearse", "test", "test-slow", "test-all", "bench", "lint", "constraints"} <= set(names)
    for name in names:
        subprocess.run(["make", "--dry-run", name], cwd=ROOT, capture_output=True, check=True)
