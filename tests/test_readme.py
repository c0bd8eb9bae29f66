"""The README tells the truth: its map is the disk, its commands exist, its code runs."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.parameters import RefreshParameters
from flows.refresh import run_refresh
from flows.run.executors import open_thread_executor
from infra.settings import Settings
from tests.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
GROUPS = ("engine", "policy")
"""Commands that have commands of their own."""
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def _tree() -> list[str]:
    block = next(text for kind, text in BLOCKS if not kind and text.startswith("catalogs/"))
    paths, folder = [], ""
    for line in block.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name
            paths.append(name)
        else:
            paths.append(folder + name)
    return paths


@pytest.mark.parametrize("path", _tree())
def test_every_place_on_the_map_is_on_the_disk(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_room_is_on_the_map() -> None:
    rooms = {path.name + "/" for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert rooms <= set(_tree())


@pytest.mark.parametrize("target", re.findall(r"^    make (\S+)", README, re.MULTILINE))
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_every_packshot_command_and_option_exists() -> None:
    lines = [line for line in README.replace("\\\n", " ").splitlines() if line.startswith("    packshot ")]
    assert len(lines) >= 4
    for line in lines:
        words = line.split("#")[0].split()
        group = words[1:2] if words[1] in GROUPS else []
        first = words[1 + len(group)]
        names = [first, *(words[index + 1] for index, word in enumerate(words) if word == "|")]
        options = {word for word in words if word.startswith("--")}
        for name in names:
            shown = CliRunner().invoke(app, [*group, name, "--help"])
            assert shown.exit_code == 0, f"`packshot {name}` is in the README: {shown.output}"
            assert options <= set(re.findall(r"--[a-z-]+", shown.output)) or len(names) > 1


def test_the_python_in_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = [text for kind, text in BLOCKS if kind == "python"]
    assert blocks
    monkeypatch.chdir(tmp_path)
    parameters = RefreshParameters(
        source=str(ROOT / "catalogs/data/sample.csv"), store="rehearsal/store", recipe="sample"
    )
    with open_thread_executor() as hands:
        run_refresh(parameters, Settings(), hands)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - running it is the point
    assert "BAG-502" in capsys.readouterr().out
