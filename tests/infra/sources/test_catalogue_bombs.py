"""S7: catalogues of a few megabytes that ask for gigabytes are read in bounded memory, or refused by name.

Each is read by a process of its own, since what is tried here ended the process by a signal, or the machine's memory.
`tests/flows/test_catalogue_bombs.py` plans each of them by the command.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.catalogue_bombs import BOMBS, write_bomb
from tests.paths import ROOT

PEAK_MB = 1_000
"""Of reading alone; planning may take half a gigabyte more."""

QUICK = {
    "nested-lists.jsonl", "wide-line.jsonl", "repeated-megabyte.parquet", "compressed-page.parquet",
    "large-footer.parquet", "long-list.parquet", "many-columns.csv", "objects-of-two-kinds.json", "namespace.xml",
    "repeated-megabyte-in-objects.parquet",
}  # fmt: skip
"""One of each kind; the others take a minute together."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in BOMBS])
def test_s7_a_small_file_is_read_in_bounded_memory_or_refused(name: str, tmp_path: Path) -> None:
    path = write_bomb(name, tmp_path)
    command = [sys.executable, "-m", "tests.infra.sources.read_within_limits", str(path), str(6 << 30)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    answer = json.loads(done.stdout)
    said = BOMBS[name][1]
    if said is None:
        assert answer["rows"] > 0
    else:
        assert said in answer["error"]
        assert name in answer["error"]
    assert answer["peak_mb"] < PEAK_MB
