"""A store, and the folder of a built engine."""

import json
from pathlib import Path

import pytest

from infra.interfaces import ObjectStore
from infra.stores import open_store
from tests.fixtures.engine_artifacts import build_manifest


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built engine, with bytes for plans."""
    folder = tmp_path / "built"
    for graph in ("transformer", "vae_decoder"):
        (folder / graph).mkdir(parents=True)
        (folder / graph / "model.plan").write_bytes(f"the plan of the {graph}".encode())
    (folder / "timing.cache").write_bytes(b"measured")
    (folder / "card.json").write_text(json.dumps(build_manifest()))
    return folder
