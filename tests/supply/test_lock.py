"""The lock: one version and a sha256 of every file for all that pyproject.toml asks for."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from supply.lock import CONSTRAINTS, EXTRAS, GROUPS, HEADER, with_hashes
from tests.paths import ROOT

LOCK = CONSTRAINTS.read_text("utf-8")
ENTRIES = re.findall(r"^([A-Za-z0-9._-]+)==((?:.*\\\n)*.*\n)", LOCK, re.MULTILINE)


def test_every_package_lists_the_sha256_of_its_files() -> None:
    assert len(ENTRIES) > 200
    assert [name for name, rest in ENTRIES if not re.search(r"--hash=sha256:[0-9a-f]{64}\n", rest)] == []
    assert LOCK.startswith(HEADER)
    assert [
        line for line in LOCK.splitlines() if not re.match(r"#|    --hash=sha256:[0-9a-f]{64}|[A-Za-z0-9._-]+==", line)
    ] == []


def test_every_extra_and_group_is_resolved_but_tensorrt() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(project["project"]["optional-dependencies"]) - set(EXTRAS) == {"tensorrt"}
    assert set(project["dependency-groups"]) == set(GROUPS)


def test_torch_lists_the_cpu_wheels_of_every_python_beside_those_of_pypi() -> None:
    torch = dict(ENTRIES)["torch"]
    known = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"  # 2.13.0+cpu, Python 3.11, x86_64
    if torch.startswith("2.13.0 "):
        assert known in torch
    assert torch.count("--hash=") >= 8 + 8  # four Pythons on two machines, twice


def test_added_hashes_stand_sorted_among_the_others_and_once() -> None:
    one, two, three = ("a" * 64, "b" * 64, "c" * 64)
    lock = f"mug==1.0 ; python_version > '3' \\\n    --hash=sha256:{two}\nother==2 \\\n    --hash=sha256:{two}\n"
    added = with_hashes(lock, "mug", {three, one, two})
    assert added == (
        f"mug==1.0 ; python_version > '3' \\\n    --hash=sha256:{one} \\\n    --hash=sha256:{two} \\\n"
        f"    --hash=sha256:{three}\nother==2 \\\n    --hash=sha256:{two}\n"
    )


def test_a_package_that_the_lock_lacks_is_named() -> None:
    with pytest.raises(SystemExit, match="mug is not in the lock"):
        with_hashes("", "mug", set())


def test_what_a_locked_package_needs_is_locked_too() -> None:
    locked = {normal(name) for name, _ in ENTRIES}
    needs = {
        (package.name, normal(requirement.name))
        for package in metadata.distributions()
        if normal(package.name) in locked
        for requirement in map(Requirement, package.requires or ())
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    assert len(needs) > 200
    assert sorted(need for need in needs if need[1] not in locked) == []


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
