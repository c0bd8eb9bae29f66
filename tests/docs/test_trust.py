"""The trust page names tests that exist, a row for every role, and every finding of the attack."""

import ast
import re
from functools import cache

import pytest

from catalogs.store_roles import STORE_ROLES
from tests.docs.documents import text_of
from tests.paths import ROOT

PAGE = text_of(ROOT / "docs/architecture/trust.md")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
FINDINGS = re.findall(r"^\| (S\d+) \|", PAGE, re.MULTILINE)


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef))


@pytest.mark.parametrize(("path", "function"), NAMED, ids=[f"{path}-{function}" for path, function in NAMED])
def test_a_test_that_the_page_names_exists(path: str, function: str) -> None:
    assert (ROOT / path).is_file()
    assert not function or function in functions_of(path), f"{path} has no {function}"
    assert any(name.startswith("test_") for name in functions_of(path))


@pytest.mark.parametrize("role", [role.name for role in STORE_ROLES])
def test_every_role_of_a_store_has_a_row(role: str) -> None:
    assert re.search(rf"^\| [^|]*`{role}` keys", PAGE, re.MULTILINE)


@pytest.mark.parametrize("number", FINDINGS)
def test_a_finding_is_shown_by_a_test_that_carries_its_number(number: str) -> None:
    named = re.compile(rf"^def test_{number.lower()}_|^\"\"\".*\b{number}\b", re.MULTILINE)
    assert [path for path in (ROOT / "tests").rglob("test_*.py") if named.search(path.read_text("utf-8"))], number


def test_every_finding_of_the_attack_has_a_row() -> None:
    assert [f"S{number}" for number in range(1, 13)] == FINDINGS


def test_every_module_that_holds_a_finding_exists() -> None:
    holds = [line.split("|")[3] for line in PAGE.splitlines() if re.match(r"\| S\d+ \|", line)]
    named = [path for text in holds for path in re.findall(r"`([\w/.]+(?:/|\.py|\.txt))`", text)]
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
