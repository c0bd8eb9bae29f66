"""The engine commands are there, and each says what it does."""

from tests.flows.cli.conftest import Run


def test_the_engine_commands_are_listed(run: Run) -> None:
    said = run("engine", "--help")
    assert said.code == 0
    for name in ("bench", "verify-precision"):
        assert name in said.out
