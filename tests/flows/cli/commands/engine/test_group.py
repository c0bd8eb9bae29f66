"""The engine commands are found under their group, and each says what it does."""

import pytest

from tests.flows.cli.conftest import Run


@pytest.mark.parametrize(
    "command",
    [
        "export", "calibrate", "build", "verify", "verify-precision", "bench", "add", "list", "models", "register",
        "canary", "promote", "rollback",
    ],
)  # fmt: skip
def test_the_group_names_its_commands(run: Run, command: str) -> None:
    said = run("engine", "--help")
    assert said.code == 0
    assert command in said.out
