"""The engine commands are found under their group, and each says what it does."""

import pytest

from tests.fixtures.command_line import RunCli


@pytest.mark.parametrize(
    "command",
    [
        "export", "calibrate", "build", "verify", "verify-precision", "bench", "add", "list", "models", "register",
        "canary", "promote", "rollback",
    ],
)  # fmt: skip
def test_the_group_names_its_commands(run_cli: RunCli, command: str) -> None:
    said = run_cli("engine", "--help")
    assert said.exit_code == 0
    assert command in said.stdout
