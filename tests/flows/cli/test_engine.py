"""The engine commands are one group."""

import pytest

from tests.flows.cli.conftest import Run


@pytest.mark.parametrize("command", ["export", "verify", "add", "list"])
def test_the_group_names_its_commands(run: Run, command: str) -> None:
    said = run("engine", "--help")
    assert said.code == 0
    assert command in said.out
