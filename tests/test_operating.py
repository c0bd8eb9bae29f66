"""The operator's page: each of its commands is understood as it is typed, and its checks exist."""

import re
import shlex

import pytest
import typer
import yaml

from catalogs.rule_files import read_packaged_rules
from flows.cli import app
from tests.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
PAGE = README[README.index("## Operating it") : README.index("## The house")]
COMMANDS = [line.split("#")[0].strip() for line in PAGE.splitlines() if line.startswith("    packshot ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_operators_page_is_understood_as_it_stands(line: str) -> None:
    _, name, *words = shlex.split(line)
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    command.make_context(name, words)  # raises where an option, a value or an argument is wrong


def test_the_page_covers_what_befalls_a_night() -> None:
    bold = re.findall(r"\*\*(.+?)\*\*", PAGE)
    for word in ("first night", "where", "exit 3", "Held", "Failed", "Wrong", "full", "Two at once"):
        assert any(word in each for each in bold), word
    assert {shlex.split(line)[1] for line in COMMANDS} == {
        "doctor", "plan", "refresh", "release", "releases", "rollback", "verify", "sweep",
    }  # fmt: skip


def test_the_check_that_may_be_accepted_is_one_of_the_suites() -> None:
    named = set(re.findall(r"--accept (\S+)", PAGE))
    suite = yaml.safe_load(read_packaged_rules("audit"))
    assert named
    assert named <= set(re.findall(r"'name': '([\w-]+)'", str(suite)))
