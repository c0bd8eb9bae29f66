"""The wheel holds all that the commands need, and not what made packshot-nano."""

import ast
from pathlib import Path, PurePosixPath

import pytest

pytest.importorskip("hatchling", reason="the group dev brings the builder of the wheel")

from hatchling.builders.wheel import WheelBuilder

from tests.paths import ROOT

PACKAGES = ("flows", "tasks", "catalogs", "infra")


@pytest.fixture(scope="module")
def wheel_files() -> dict[str, Path]:
    """Return the wheel's names and the files that they come from, as the builder of the wheel lists them."""
    included = WheelBuilder(str(ROOT)).recurse_included_files()
    return {file.distribution_path: Path(file.path) for file in included}


def imported_modules(path: Path) -> set[str]:
    """Return the dotted names that a module may import from our packages; a name may be an attribute of a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name for name in names if name.split(".")[0] in PACKAGES}


def test_the_toy_model_is_shipped_whole_and_its_training_is_not(wheel_files: dict[str, Path]) -> None:
    nano = {name.removeprefix("infra/nano/") for name in wheel_files if name.startswith("infra/nano/")}
    model = ROOT / "infra" / "nano" / "packshot-nano"
    model_files = {f"packshot-nano/{path.relative_to(model).as_posix()}" for path in model.rglob("*") if path.is_file()}
    assert nano == {"__init__.py", "architecture.py", *model_files}


def test_every_module_imports_only_what_is_shipped(wheel_files: dict[str, Path]) -> None:
    modules = {
        str(PurePosixPath(name).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for name in wheel_files
        if name.endswith(".py")
    }
    missing = {
        f"{name} imports {module}"
        for name, path in wheel_files.items()
        if name.endswith(".py")
        for module in imported_modules(path) - modules
    }
    assert missing == set()


@pytest.mark.parametrize(
    "name",
    [
        "catalogs/data/recipes/default@1.yaml",
        "infra/evaluation/data/random_models.json",
        "infra/nano/packshot-nano/model_index.json",
        "infra/testing/faulty_store.py",
    ],
)
def test_data_and_doubles_are_shipped(wheel_files: dict[str, Path], name: str) -> None:
    assert name in wheel_files
