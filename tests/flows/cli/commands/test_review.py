"""`packshot review`: answers without a browser."""

from tests.fixtures.command_line import RunCli


def test_without_a_store_it_says_what_is_missing(run_cli: RunCli) -> None:
    said = run_cli("review")
    assert (said.exit_code, "--store: say whose images are to be reviewed" in said.stderr) == (2, True)
