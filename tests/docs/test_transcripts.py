"""What the documentation shows of a first try is typed, beside the exports of the tests, and prints the same."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.docs.documents import Block
from tests.docs.transcripts import COLUMNS, TypedCommand, shown, transcripts, typed_commands
from tests.paths import ROOT

EXPORTS = ROOT / "tests/data/exports"


def printed(command: TypedCommand) -> str:
    """Return what a command prints; `cat` is typed to show a file."""
    if command.words[0] == "cat":
        return Path(command.words[1]).read_text("utf-8")
    result = CliRunner().invoke(app, list(command.words[1:]), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("block", transcripts(), ids=str)
def test_a_transcript_is_what_its_commands_print(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXPORTS, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    for command in typed_commands(block):
        output = printed(command)
        assert command.prints(output), f"{block}: {' '.join(command.words)} prints\n{shown(output)}"


def test_a_first_plan_takes_at_most_three_commands_and_no_edit() -> None:
    assert len(transcripts()) >= 6
    for block in transcripts():
        commands = [command.words for command in typed_commands(block) if command.words[0] == "packshot"]
        assert 2 <= len(commands) <= 3, block
        assert commands[0][1:3] == ("recipe", "init"), block
        assert commands[-1][1] == "plan", block


def test_an_ellipsis_stands_for_any_lines_and_nothing_else_does() -> None:
    command = TypedCommand(("packshot",), ("first", "…", "last [1]"))
    assert command.prints("\nfirst  \na\nb\nlast [1]\n\n")
    assert not command.prints("first\na\nlast 1")
    assert not command.prints("first\nlast [1]\nmore")
