"""How a command is run in this process, and what it says."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from flows.cli import main


@dataclass(frozen=True)
class CommandResult:
    """A command's exit code, and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """Return stdout as the one JSON document that it must be."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


RunCli = Callable[..., CommandResult]


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Return what runs `packshot` with these words."""

    def command(*words: object) -> CommandResult:
        monkeypatch.setattr("sys.argv", ["packshot", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        code = caught.value.code
        return CommandResult(0 if code is None else int(code), shown.out, shown.err)

    return command
