"""How a command is run in this process, and what it says."""

import pytest

from flows.cli import main
from tests.fixtures.command_line import CommandResult, RunCli


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
