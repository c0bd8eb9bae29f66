"""`packshot policy` is a group of commands of its own."""

import pytest

from tests.flows.cli.conftest import Run


@pytest.mark.parametrize("command", ["calibrate"])
def test_the_group_names_its_commands(run: Run, command: str) -> None:
    said = run("policy", "--help")
    assert said.code == 0
    assert command in said.out
