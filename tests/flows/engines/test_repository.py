"""What a run says where no engine fits, and what verifying does to an engine of the store."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import EngineRequirements, GpuPlatform
from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.schema import ModelEntry, Recipe, Tier
from flows.engines.repository import (
    fetch_fitting_engine,
    list_engines,
    missing_engine_warnings,
    put_engine,
    verify_engine,
)
from flows.run.dry_run import plan_refresh
from infra.errors import EngineError, EngineUnsuitable, StoreError
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import ExportManifest
from infra.onnx_graphs.graph_verification import OnnxGraphOpener
from infra.stores import open_store
from infra.stores.json_objects import read_json, write_json
from tasks.models.engine_repository import read_engine, record_verification
from tests.catalogs.models.test_engine_artifacts import H200, PASSED_PARITY, WEIGHTS_DIGEST, build_manifest
from tests.fixtures.onnx_exports import tiny_export, tiny_model
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness

__all__ = ["tiny_export", "tiny_model"]


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


def recipe(engine: str = "tensorrt", **model: Any) -> Recipe:
    entry = ModelEntry(source="somewhere", **{"weights_digest": WEIGHTS_DIGEST, **model})
    changes = {"engine": engine, "models": {"turbo": entry}, "tiers": {"standard": Tier()}}
    return built_in_recipe("default").model_copy(update=changes)


def silent(words: str) -> None:
    assert words


def test_a_run_without_an_engine_says_that_torch_paints_in_the_same_precision(store: ObjectStore):
    assert missing_engine_warnings(store, recipe(), H200) == [
        "The torch engine paints in place of TensorRT, in bf16: there is no engine of 'turbo' in the store"
    ]


@pytest.mark.parametrize("engine", ["torch", "stub"])
def test_a_run_that_asks_for_another_engine_hears_nothing(store: ObjectStore, engine: str):
    assert missing_engine_warnings(store, recipe(engine), H200) == []


def test_an_engine_that_fits_is_no_cause_for_a_warning(store: ObjectStore, engine_folder: Path):
    put_engine(store, "turbo", engine_folder)
    (before,) = missing_engine_warnings(store, recipe(), H200)
    assert "version 1: it is not verified" in before
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY)
    assert missing_engine_warnings(store, recipe(), H200) == []
    (elsewhere,) = missing_engine_warnings(store, recipe(), GpuPlatform("11.5.0", H200.gpu, H200.compute_capability))
    assert "version 1: it was built by TensorRT 11.4.0, and this is 11.5.0" in elsewhere
    (here,) = missing_engine_warnings(store, recipe())
    assert "version 1: there is no TensorRT here" in here


def test_weights_without_a_digest_cannot_be_looked_for(store: ObjectStore):
    (said,) = missing_engine_warnings(store, recipe(weights_digest=None, revision="a" * 40), H200)
    assert "'turbo' has no weights_digest" in said


def test_verifying_marks_an_engine_of_the_store(store: ObjectStore, tiny_export: Path, tiny_model: Path):
    put_engine(store, "tiny", tiny_export)
    found = verify_engine(store, "tiny/1", str(tiny_model), silent)
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
        verify_engine(store, "tiny/1", str(other), silent)
    assert read_engine(store, "tiny", 1).state == "building"


def test_plans_are_not_verified_where_they_cannot_run(store: ObjectStore, engine_folder: Path, tiny_model: Path):
    put_engine(store, "turbo", engine_folder)
    with pytest.raises(EngineUnsuitable, match="turbo/1 holds TensorRT plans"):
        verify_engine(store, "turbo/1", str(tiny_model), silent)
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
        verify_engine(store, "turbo/1", str(tiny_model), silent, None, open_plans)
    found = verify_engine(store, "turbo/1", str(tiny_model), silent, tiny_export, open_plans)
    assert opened == [(b"plan", "fp32")]
    assert (found["runtime"], found["state"], len(found["cases"])) == ("tensorrt", "ready", 2)


def test_the_engine_that_fits_is_fetched_once(store: ObjectStore, engine_folder: Path, tmp_path: Path):
    kept = tmp_path / "cache" / "engines"
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, kept) is None
    put_engine(store, "turbo", engine_folder)
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY)
    folder = fetch_fitting_engine(store, recipe(), "turbo", H200, kept)
    assert folder is not None
    assert (folder / "transformer" / "model.plan").read_bytes() == b"plan"
    assert json.loads((folder / "card.json").read_text()) == build_manifest()
    store.delete([info.key for info in store.list("engines/turbo/1/") if info.key.endswith("model.plan")])
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, kept) == folder
    assert fetch_fitting_engine(store, recipe(), "turbo", None, kept) is None


def test_an_engine_that_cannot_be_fetched_whole_leaves_nothing_to_be_taken_for_one(
    store: ObjectStore, engine_folder: Path, tmp_path: Path
):
    put_engine(store, "turbo", engine_folder)
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY)
    store.write("engines/turbo/1/vae_decoder/1/model.plan", b"another")
    with pytest.raises(StoreError, match="not the one"):
        fetch_fitting_engine(store, recipe(), "turbo", H200, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("name", ["turbo", "turbo/0", "turbo/01", "../turbo/1", "turbo/1/2"])
def test_a_name_that_is_no_engines_says_how_they_are_called(store: ObjectStore, name: str):
    with pytest.raises(OptionError, match="name/version, such as turbo/1"):
        verify_engine(store, name, "nobody", silent)


def test_plan_and_night_both_say_who_paints(tmp_path: Path):
    """The only product is forbidden, so nothing is painted and no model is opened."""
    content = {
        "columns": {"sku": "sku", "title": "title"},
        "engine": "tensorrt",
        "models": {"turbo": {"source": "somewhere", "weights_digest": WEIGHTS_DIGEST}},
        "tiers": {"standard": {}},
        "views": {"front": "seen from the front"},
        "defaults": {"template": "Photograph of {{ title }}", "views": ["front"]},
    }
    shop = RefreshHarness(tmp_path, [{"sku": "rifle", "title": "Assault rifle"}], content)
    said = "The torch engine paints in place of TensorRT, in bf16: there is no engine of 'turbo' in the store"
    assert said in plan_refresh(shop.parameters(), SETTINGS)["warnings"]
    report = shop.refresh().report
    assert (report["slots"]["blocked"], report["images"]["generated"]) == (1, 0)
    assert said in report["warnings"]


def test_an_engine_that_is_lacking_is_made_once_and_then_taken(
    store: ObjectStore, engine_folder: Path, tmp_path: Path
) -> None:
    made = []

    def make(need: EngineRequirements) -> None:
        made.append(need)
        put_engine(store, "turbo", engine_folder)
        record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY)

    taken = [fetch_fitting_engine(store, recipe(), "turbo", H200, tmp_path / "kept", make) for _ in range(2)]
    assert taken[0] is not None
    assert taken[0] == taken[1]
    assert [(need.weights_digest, need.platform) for need in made] == [(WEIGHTS_DIGEST, H200)]
    assert missing_engine_warnings(store, recipe(), H200, builds_missing=True) == []


def test_nothing_is_made_where_there_is_no_tensorrt_or_it_was_refused(
    store: ObjectStore, engine_folder: Path, tmp_path: Path
) -> None:
    def never(need: EngineRequirements) -> None:
        pytest.fail(f"{need} was made")

    assert fetch_fitting_engine(store, recipe(), "turbo", None, tmp_path, never) is None
    put_engine(store, "turbo", engine_folder)
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY.model_copy(update={"passed": False}))
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, tmp_path, never) is None
    assert "The torch engine paints in place" in missing_engine_warnings(store, recipe(), H200, builds_missing=True)[0]


def test_a_night_that_builds_says_so(store: ObjectStore) -> None:
    (said,) = missing_engine_warnings(store, recipe(), H200, builds_missing=True)
    assert said.startswith("A TensorRT engine is built before the first picture: there is no engine of 'turbo'")
    (elsewhere,) = missing_engine_warnings(store, recipe(), None, builds_missing=True)
    assert elsewhere.startswith("The torch engine paints in place of TensorRT")


@pytest.mark.parametrize("error", [EngineError("no opset"), OSError("disk full"), RuntimeError("out of memory")])
def test_an_engine_that_could_not_be_built_is_not_tried_again_for_a_day(
    store: ObjectStore, tmp_path: Path, error: Exception
) -> None:
    tried = []

    def make(need: EngineRequirements) -> None:
        tried.append(need)
        raise error

    for _ in range(3):
        assert fetch_fitting_engine(store, recipe(), "turbo", H200, tmp_path, make) is None
    assert len(tried) == 1
    (said,) = missing_engine_warnings(store, recipe(), H200, builds_missing=True)
    assert said.startswith("The torch engine paints in place of TensorRT")
    assert said.endswith(f"; building one failed: {error}")
    (note,) = [info.key for info in store.list("engines/") if "failed-" in info.key]
    words = read_json(store, note)
    write_json(store, note, words | {"at": (datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat()})
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, tmp_path, make) is None
    assert len(tried) == 2


def test_an_fp8_engine_is_never_made_by_itself_and_nobody_says_so(store: ObjectStore, tmp_path: Path) -> None:
    asked = recipe(precision="fp8")
    assert (
        fetch_fitting_engine(store, asked, "turbo", H200, tmp_path, lambda need: pytest.fail(f"{need} was made"))
        is None
    )
    (said,) = missing_engine_warnings(store, asked, H200, builds_missing=True)
    assert said.startswith("The torch engine paints in place of TensorRT, in fp8")
