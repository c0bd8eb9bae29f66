"""The runbook covers what befalls a run, with checks and commands that exist."""

import re

import yaml

from catalogs.rule_files import read_packaged_rules
from tests.docs.documents import command_lines
from tests.paths import ROOT

PAGE = (ROOT / "docs/operations/runbook.md").read_text("utf-8")


def test_the_runbook_covers_what_befalls_a_run() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    for word in ("first run", "Where", "exit 3", "Held", "Failed", "Wrong", "full", "Two at once"):
        assert any(word in heading for heading in headings), word
    commands = {line.words[1] for line in command_lines() if line.page == "docs/operations/runbook.md"}
    assert commands == {"doctor", "plan", "refresh", "release", "releases", "rollback", "verify", "sweep"}


def test_the_check_that_may_be_accepted_is_one_of_the_suites() -> None:
    accepted = set(re.findall(r"--accept (\S+)", PAGE))
    suite = yaml.safe_load(read_packaged_rules("audit"))
    assert accepted
    assert accepted <= set(re.findall(r"'name': '([\w-]+)'", str(suite)))
