"""Early checks: what is wrong with the input is said in seconds, before Prefect or an engine is imported."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

MAX_TIMES_LIBRARIES = 2.5
"""Processor time of the whole command over that of a process that only imports the libraries which read a table's
columns, a recipe and options: 1.4 to 2.0 on machines whose own speed moved by the double. pandas alone adds a half."""

_LIBRARIES = """
import resource
import deltalake, numpy, pyarrow.compute, pyarrow.parquet, pydantic_settings, rich.console, typer
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""

_CHILD = """
import json, resource, sys
from flows.cli import main
try:
    main()
except SystemExit as ending:
    used = resource.getrusage(resource.RUSAGE_SELF)
    heavy = sorted({"prefect", "torch", "great_expectations", "ray", "pandas", "cv2"} & sys.modules.keys())
    print(json.dumps({"code": ending.code, "seconds": used.ru_utime + used.ru_stime, "heavy": heavy}))
"""


def run_child(folder: Path, words: list[str]) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run a command in a process of its own; return what it said, and how it ended."""
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done, json.loads(done.stdout.splitlines()[-1])


def library_seconds() -> float:
    """Return what the libraries cost at this moment, on this machine."""
    done = subprocess.run([sys.executable, "-c", _LIBRARIES], capture_output=True, text=True, check=True)
    return float(done.stdout)


def times_libraries(folder: Path, words: list[str], seconds: float) -> float:
    """Return what a run of so many seconds cost, as a multiple; where that is much, the least of three runs' costs."""
    found = seconds / library_seconds()
    for _ in range(2):
        if found > MAX_TIMES_LIBRARIES:
            found = min(found, run_child(folder, words)[1]["seconds"] / library_seconds())
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.csv").write_text("sku,title\nA,Mug\n")
    (tmp_path / "bad.csv").write_text("SKU,Titel\nA,Mug\n")
    (tmp_path / "bad.jsonl").write_text('{"sku": 1')
    (tmp_path / "bad.yaml").write_text("extends: default@1\ncolums: {}\n")
    (tmp_path / "policy.yaml").write_text("extends: default\nreveiw_days: 3\n")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("refresh bad.csv --store st", "no column 'sku' (did you mean 'SKU'?), 'title' (did you mean 'Titel'?)"),
        ("plan gone.csv --store st", "gone.csv"),
        ("refresh bad.jsonl --store st", "bad.jsonl"),
        ("plan good.csv --store st --recipe bad.yaml", "bad.yaml, line 2: colums: Extra inputs"),
        ("refresh good.csv --store st --recipe default@99", "There is no built-in recipe 'default@99'"),
        ("plan good.csv --store st --policy policy.yaml", "policy.yaml: reveiw_days: Extra inputs"),
        ("refresh good.csv --store gopher://st", "No store is known for 'gopher://'"),
        ("plan good.csv --store st%a", "'%' in its name"),
        ("refresh good.csv --store good.csv/st", "good.csv' is a file. Give another"),
    ],
)
def test_wrong_input_is_said_before_anything_heavy_starts(folder: Path, command: str, message: str) -> None:
    words = [*command.split(), "--engine", "stub"]
    done, ending = run_child(folder, words)
    assert message in done.stderr
    assert (ending["code"], ending["heavy"]) == (2, [])
    assert times_libraries(folder, words, ending["seconds"]) < MAX_TIMES_LIBRARIES
    assert not (folder / "st").exists()


def test_weights_that_are_not_pinned_stop_a_refresh_at_once(folder: Path) -> None:
    done, ending = run_child(folder, ["refresh", "good.csv", "--store", "st"])
    assert "is not pinned" in done.stderr
    assert (ending["code"], ending["heavy"]) == (2, [])
