"""`packshot recipe`: its commands are listed."""

from tests.fixtures.command_line import RunCli


def test_the_group_lists_its_commands(run_cli: RunCli) -> None:
    said = run_cli("recipe", "--help")
    assert said.exit_code == 0
    assert "init" in said.stdout
