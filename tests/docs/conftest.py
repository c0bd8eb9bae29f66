"""One rehearsal by the stub engine, shared by all tests of the documentation."""

import shutil
from pathlib import Path

import pytest

from flows.parameters import RefreshParameters
from flows.refresh import run_refresh
from flows.run.executors import open_thread_executor
from infra.settings import Settings
from tests.paths import ROOT


@pytest.fixture(scope="session")
def rehearsed_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with two releases of the sample catalogue, the second of all rows. Tests that write copy it."""
    folder = tmp_path_factory.mktemp("rehearsal")
    sample = (ROOT / "catalogs/data/sample.csv").read_text("utf-8").splitlines(keepends=True)
    for rows in (6, len(sample)):  # two releases, so that there is one to go back to
        (folder / "sample.csv").write_text("".join(sample[:rows]), "utf-8")
        parameters = RefreshParameters(source=str(folder / "sample.csv"), store=str(folder / "store"), recipe="sample")
        with open_thread_executor() as executor:
            report = run_refresh(parameters, Settings(), executor)
        assert report["slots"]["published"] > 0
    return folder / "store"


@pytest.fixture
def store_copy(rehearsed_store: Path, tmp_path: Path) -> Path:
    """Return a copy of the rehearsal's store at `rehearsal/store` in a folder of the test's own."""
    copy = tmp_path / "rehearsal" / "store"
    shutil.copytree(rehearsed_store, copy)
    return copy
