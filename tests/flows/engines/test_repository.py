"""What a run says where no engine fits, and what verifying does to an engine of the store."""

import json
import shutil
from pathlib import Path

import pytest

from catalogs.errors import OptionError
from flows.engines.repository import (
    list_engines,
    put_engine,
    verify_engine,
)
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import ExportManifest
from infra.onnx_graphs.graph_verification import OnnxGraphOpener
from infra.stores import open_store
from tasks.models.engine_repository import read_engine
from tests.fixtures.engine_artifacts import TRUST, build_manifest


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def engine_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    for graph in ("transformer", "vae_decoder"):
        (folder / graph).mkdir(parents=True)
        (folder / graph / "model.plan").write_bytes(b"plan")
    (folder / "card.json").write_text(json.dumps(build_manifest()))
    return folder


def silent(words: str) -> None:
    assert words


def test_verifying_marks_an_engine_of_the_store(store: ObjectStore, tiny_export: Path, tiny_model: Path):
    put_engine(store, "tiny", tiny_export)
    found = verify_engine(store, "tiny/1", str(tiny_model), silent, TRUST)
    assert (found["passed"], found["state"], found["runtime"]) == (True, "ready", "onnxruntime")
    (card,) = list_engines(store, None)
    assert (card["state"], card["parity"]["cases"], card["parity"]["passed"]) == ("ready", 15, True)
    assert card["parity"]["max_abs_diff"] == max(case["max_abs_diff"] for case in found["cases"])
    assert card["parity"]["psnr"] == min(case["psnr"] for case in found["cases"])


def test_what_cannot_be_compared_stays_unverified(
    store: ObjectStore, tiny_export: Path, tiny_model: Path, tmp_path: Path
):
    put_engine(store, "tiny", tiny_export)
    other = shutil.copytree(tiny_model, tmp_path / "other")
    config = other / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(EngineError, match="give the model that it was made from"):
        verify_engine(store, "tiny/1", str(other), silent, TRUST)
    assert read_engine(store, "tiny", 1).state == "building"


def test_plans_are_not_verified_where_they_cannot_run(store: ObjectStore, engine_folder: Path, tiny_model: Path):
    put_engine(store, "turbo", engine_folder)
    with pytest.raises(EngineUnsuitable, match="turbo/1 holds TensorRT plans"):
        verify_engine(store, "turbo/1", str(tiny_model), silent, TRUST)
    assert read_engine(store, "turbo", 1).state == "building"


def test_plans_are_compared_by_what_can_run_them(
    store: ObjectStore, engine_folder: Path, tiny_export: Path, tiny_model: Path
):
    """Through the seam that TensorRT fills: here ONNX Runtime answers for the plans, for one size."""
    opened: list[tuple[bytes, str]] = []

    class Plans(OnnxGraphOpener):
        name, sizes, batch = "tensorrt", ((8, 8),), 1

    def open_plans(folder: Path, export: ExportManifest) -> Plans:
        opened.append(((folder / "transformer" / "model.plan").read_bytes(), export.precision))
        return Plans(tiny_export, "fp32", folder)

    put_engine(store, "turbo", engine_folder)
    with pytest.raises(OptionError, match="--graphs: turbo/1 holds plans"):
        verify_engine(store, "turbo/1", str(tiny_model), silent, TRUST, None, open_plans)
    found = verify_engine(store, "turbo/1", str(tiny_model), silent, TRUST, tiny_export, open_plans)
    assert opened == [(b"plan", "fp32")]
    assert (found["runtime"], found["state"], len(found["cases"])) == ("tensorrt", "ready", 2)


@pytest.mark.parametrize("name", ["turbo", "turbo/0", "turbo/01", "../turbo/1", "turbo/1/2"])
def test_a_name_that_is_no_engines_says_how_they_are_called(store: ObjectStore, name: str):
    with pytest.raises(OptionError, match="name/version, such as turbo/1"):
        verify_engine(store, name, "nobody", silent, TRUST)
