"""What a run says where no engine fits, and what verifying does to an engine of the store."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from catalogs.engine_cards import Machine
from catalogs.errors import OptionError
from catalogs.recipe import Model, Recipe, Tier
from catalogs.recipes import built_in_recipe
from flows.engine_store import list_engines, put_engine, verify_engine, warn_of_engines
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import ObjectStore
from infra.stores import open_store
from tasks.engine_store import mark_engine, read_engine
from tests.catalogs.test_engine_cards import H200, PASSED, WEIGHTS, built
from tests.exported import tiny_export, tiny_model

__all__ = ["tiny_export", "tiny_model"]


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    for graph in ("transformer", "vae_decoder"):
        (folder / graph).mkdir(parents=True)
        (folder / graph / "model.plan").write_bytes(b"plan")
    (folder / "card.json").write_text(json.dumps(built()))
    return folder


def recipe(engine: str = "tensorrt", **model: Any) -> Recipe:
    entry = Model(source="somewhere", **{"weights_digest": WEIGHTS, **model})
    changes = {"engine": engine, "models": {"turbo": entry}, "tiers": {"standard": Tier()}}
    return built_in_recipe("default").model_copy(update=changes)


def silent(words: str) -> None:
    assert words


def test_a_run_without_an_engine_says_that_torch_paints_in_the_same_precision(store: ObjectStore):
    assert warn_of_engines(store, recipe(), H200) == [
        "The torch engine paints in place of TensorRT, in bf16: there is no engine of 'turbo' in the store"
    ]


@pytest.mark.parametrize("engine", ["torch", "stub"])
def test_a_run_that_asks_for_another_engine_hears_nothing(store: ObjectStore, engine: str):
    assert warn_of_engines(store, recipe(engine), H200) == []


def test_an_engine_that_fits_is_no_cause_for_a_warning(store: ObjectStore, plans: Path):
    put_engine(store, "turbo", plans)
    (before,) = warn_of_engines(store, recipe(), H200)
    assert "version 1: it is not verified" in before
    mark_engine(store, read_engine(store, "turbo", 1), PASSED)
    assert warn_of_engines(store, recipe(), H200) == []
    (elsewhere,) = warn_of_engines(store, recipe(), Machine("11.5.0", H200.gpu, H200.compute_capability))
    assert "version 1: it was built by TensorRT 11.4.0, and this is 11.5.0" in elsewhere
    (here,) = warn_of_engines(store, recipe())
    assert "version 1: there is no TensorRT here" in here


def test_weights_without_a_digest_cannot_be_looked_for(store: ObjectStore):
    (said,) = warn_of_engines(store, recipe(weights_digest=None, revision="a" * 40), H200)
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


def test_plans_are_not_verified_where_they_cannot_run(store: ObjectStore, plans: Path, tiny_model: Path):
    put_engine(store, "turbo", plans)
    with pytest.raises(EngineUnsuitable, match="turbo/1 holds TensorRT plans"):
        verify_engine(store, "turbo/1", str(tiny_model), silent)
    assert read_engine(store, "turbo", 1).state == "building"


@pytest.mark.parametrize("name", ["turbo", "turbo/0", "turbo/01", "../turbo/1", "turbo/1/2"])
def test_a_name_that_is_no_engines_says_how_they_are_called(store: ObjectStore, name: str):
    with pytest.raises(OptionError, match="name/version, such as turbo/1"):
        verify_engine(store, name, "nobody", silent)
