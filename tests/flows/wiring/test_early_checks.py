"""Early checks: what is wrong with the input is said in seconds, before Prefect or an engine is imported."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

MAX_CPU_SECONDS = 2.0
"""Processor time of the whole command; 0.6 to 1.1 seconds here, where the same took 3 to 5 before."""

_CHILD = """
import json, resource, sys
from flows.cli import main
try:
    main()
except SystemExit as ending:
    used = resource.getrusage(resource.RUSAGE_SELF)
    heavy = sorted({"prefect", "torch", "great_expectations", "ray"} & sys.modules.keys())
    print(json.dumps({"code": ending.code, "seconds": used.ru_utime + used.ru_stime, "heavy": heavy}))
"""


def run_child(folder: Path, words: list[str]) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run a command in a process of its own; return what it said, and how it ended."""
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done, json.loads(done.stdout.splitlines()[-1])


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
    done, ending = run_child(folder, [*command.split(), "--engine", "stub"])
    assert message in done.stderr
    assert (ending["code"], ending["heavy"]) == (2, [])
    assert ending["seconds"] < MAX_CPU_SECONDS
    assert not (folder / "st").exists()


def test_weights_that_are_not_pinned_stop_a_refresh_at_once(folder: Path) -> None:
    done, ending = run_child(folder, ["refresh", "good.csv", "--store", "st"])
    assert "is not pinned" in done.stderr
    assert (ending["code"], ending["heavy"]) == (2, [])
