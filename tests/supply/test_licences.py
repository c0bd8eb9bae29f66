"""Licences: every package that the lock brings has one that somebody has read and allowed."""

import re
import tomllib
from importlib import metadata

import pytest

from supply.licences import find_problems, installed_licences, read_rules
from supply.lock import CONSTRAINTS
from tests.paths import ROOT

RULES = read_rules()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_installed_package_of_the_lock_has_an_allowed_licence() -> None:
    locked = {normal(name) for name in re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)}
    rows = [row for row in installed_licences(RULES) if normal(row["Name"]) in locked]
    assert len(rows) > 100
    assert find_problems(rows, RULES) == []


@pytest.mark.parametrize(
    "licence", ["UNKNOWN", "AGPL-3.0-only", "GNU Affero General Public License v3", "GPL-3.0", "Proprietary"]
)
def test_an_unknown_or_reciprocal_licence_is_a_problem_that_names_the_package(licence: str) -> None:
    (problem,) = find_problems([{"Name": "mug", "Version": "1.0", "License": licence}], RULES)
    assert problem.startswith(f"mug 1.0 is under {licence!r}")


def test_the_agpl_scanner_is_reported_under_its_true_licence() -> None:
    assert RULES.labels["nudenet"] == "AGPL-3.0"
    assert "AGPL-3.0" not in RULES.allowed


def test_no_extra_but_nudity_brings_the_agpl_scanner() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lists = {"": project["project"]["dependencies"]} | project["project"]["optional-dependencies"]
    assert [name for name, wanted in lists.items() if any("nudenet" in line for line in wanted)] == ["nudity"]
    brought_by = [
        package.name
        for package in metadata.distributions()
        for line in package.requires or ()
        if normal(re.split(r"[^\w.-]", line)[0]) == "nudenet" and package.name != "packshot"
    ]
    assert brought_by == []


def test_every_exception_says_why() -> None:
    assert all(len(reason) > 20 for reason in RULES.exceptions.values())
