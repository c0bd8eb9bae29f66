"""Which engine generates a model's images here, and what a run says where no TensorRT engine fits."""

import json
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogs.errors import OptionError, RuleFileError
from catalogs.models.engine_artifacts import ParityResult
from catalogs.models.engine_selection import EngineRequirements, GpuPlatform
from catalogs.models.weights import ModelEntry
from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.render_settings import Tier
from catalogs.recipe.schema import Recipe
from flows.engines.repository import put_engine
from flows.engines.selection import (
    EngineBuilder,
    EngineFetcher,
    EngineHost,
    engine_opener,
    engine_warnings,
    fetch_fitting_engine,
    missing_engine_warnings,
    resolve_engine_spec,
)
from flows.parameters import RefreshParameters
from flows.run.dry_run import plan_refresh
from infra.engines.spec import EngineSpec
from infra.errors import EngineError, StoreError
from infra.interfaces import ObjectStore
from infra.nano import MODEL_FOLDER
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.json_objects import read_json, write_json
from tasks.models.engine_repository import read_engine, record_verification
from tasks.models.engine_trust import EngineTrust, open_engine_trust
from tests.fixtures.engine_artifacts import H200, PASSED_PARITY, STRANGER, TRUST, WEIGHTS_DIGEST, build_manifest
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness


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


def host(cache_folder: Path, build: EngineBuilder | None = None) -> EngineHost:
    return EngineHost(cache_folder, TRUST, build)


def recipe(engine: str = "tensorrt", **model: Any) -> Recipe:
    entry = ModelEntry(source="somewhere", **{"weights_digest": WEIGHTS_DIGEST, **model})
    changes = {"engine": engine, "models": {"turbo": entry}, "tiers": {"standard": Tier()}}
    return built_in_recipe("default").model_copy(update=changes)


def test_a_run_without_an_engine_says_that_torch_paints_in_the_same_precision(store: ObjectStore):
    assert missing_engine_warnings(store, recipe(), TRUST, H200) == [
        "The torch engine generates in place of TensorRT, in bf16: there is no engine of 'turbo' in the store"
    ]


@pytest.mark.parametrize("engine", ["torch", "stub"])
def test_a_run_that_asks_for_another_engine_hears_nothing(store: ObjectStore, engine: str):
    assert missing_engine_warnings(store, recipe(engine), TRUST, H200) == []


def test_an_engine_that_fits_is_no_cause_for_a_warning(store: ObjectStore, engine_folder: Path):
    put_engine(store, "turbo", engine_folder)
    (before,) = missing_engine_warnings(store, recipe(), TRUST, H200)
    assert "version 1: it is not verified" in before
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY, TRUST)
    assert missing_engine_warnings(store, recipe(), TRUST, H200) == []
    (elsewhere,) = missing_engine_warnings(
        store, recipe(), TRUST, GpuPlatform("11.5.0", H200.gpu, H200.compute_capability)
    )
    assert "version 1: it was built by TensorRT 11.4.0, and this is 11.5.0" in elsewhere
    (here,) = missing_engine_warnings(store, recipe(), TRUST)
    assert "version 1: there is no TensorRT on this machine" in here


def test_weights_without_a_digest_cannot_be_looked_for(store: ObjectStore):
    (said,) = missing_engine_warnings(store, recipe(weights_digest=None, revision="a" * 40), TRUST, H200)
    assert "'turbo' has no weights_digest" in said


def test_the_engine_that_fits_is_fetched_once(store: ObjectStore, engine_folder: Path, tmp_path: Path):
    kept = tmp_path / "cache" / "engines"
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(kept)) is None
    put_engine(store, "turbo", engine_folder)
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY, TRUST)
    folder = fetch_fitting_engine(store, recipe(), "turbo", H200, host(kept))
    assert folder is not None
    assert (folder / "transformer" / "model.plan").read_bytes() == b"plan"
    assert json.loads((folder / "card.json").read_text()) == build_manifest()
    store.delete([info.key for info in store.list("engines/turbo/1/") if info.key.endswith("model.plan")])
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(kept)) == folder
    assert fetch_fitting_engine(store, recipe(), "turbo", None, host(kept)) is None


def test_an_engine_that_cannot_be_fetched_whole_leaves_nothing_to_be_taken_for_one(
    store: ObjectStore, engine_folder: Path, tmp_path: Path
):
    put_engine(store, "turbo", engine_folder)
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY, TRUST)
    store.write("engines/turbo/1/vae_decoder/1/model.plan", b"another")
    with pytest.raises(StoreError, match="not the one"):
        fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path / "kept"))
    assert list((tmp_path / "kept").iterdir()) == []


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
    said = "The torch engine generates in place of TensorRT, in bf16: there is no engine of 'turbo' in the store"
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
        record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY, TRUST)

    taken = [fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path / "kept", make)) for _ in range(2)]
    assert taken[0] is not None
    assert taken[0] == taken[1]
    assert [(need.weights_digest, need.platform) for need in made] == [(WEIGHTS_DIGEST, H200)]
    assert missing_engine_warnings(store, recipe(), TRUST, H200, builds_missing=True) == []


def test_nothing_is_made_where_there_is_no_tensorrt_or_it_was_refused(
    store: ObjectStore, engine_folder: Path, tmp_path: Path
) -> None:
    def never(need: EngineRequirements) -> None:
        pytest.fail(f"{need} was made")

    assert fetch_fitting_engine(store, recipe(), "turbo", None, host(tmp_path, never)) is None
    put_engine(store, "turbo", engine_folder)
    record_verification(
        store, read_engine(store, "turbo", 1), PASSED_PARITY.model_copy(update={"passed": False}), TRUST
    )
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path, never)) is None
    assert (
        "The torch engine generates in place"
        in missing_engine_warnings(store, recipe(), TRUST, H200, builds_missing=True)[0]
    )


def test_s4_a_strangers_engine_is_not_fetched_and_the_report_says_how_it_could_be(
    store: ObjectStore, engine_folder: Path, tmp_path: Path
) -> None:
    put_engine(store, "turbo", engine_folder)
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY, STRANGER)
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path / "kept")) is None
    (said,) = missing_engine_warnings(store, recipe(), TRUST, H200)
    assert said.startswith("The torch engine generates in place of TensorRT, in bf16: no engine of 'turbo' fits")
    assert "verify it here with `packshot engine verify`" in said
    believing = EngineHost(tmp_path / "kept", EngineTrust(TRUST.keys, every_engine=True))
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, believing) is not None


@pytest.mark.parametrize("state", ["ready", "refused"])
def test_s4_a_strangers_word_neither_replaces_nor_stops_a_build(
    store: ObjectStore, engine_folder: Path, tmp_path: Path, state: str
) -> None:
    put_engine(store, "turbo", engine_folder)
    parity = PASSED_PARITY.model_copy(update={"passed": state == "ready"})
    record_verification(store, read_engine(store, "turbo", 1), parity, STRANGER)
    made = []

    def make(need: EngineRequirements) -> None:
        made.append(need)
        put_engine(store, "turbo", engine_folder)
        record_verification(store, read_engine(store, "turbo", 2), PASSED_PARITY, TRUST)

    taken = [fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path / "kept", make)) for _ in range(2)]
    assert [folder and folder.name[:8] for folder in taken] == ["turbo-2-"] * 2
    assert len(made) == 1


def test_s4_garbage_in_the_store_costs_no_run_and_is_reported(store: ObjectStore, engine_folder: Path) -> None:
    put_engine(store, "turbo", engine_folder)
    record_verification(store, read_engine(store, "turbo", 1), PASSED_PARITY, open_engine_trust(SETTINGS))
    store.write("engines/turbo/2/card.json", b"garbage")
    settings = SETTINGS.model_copy(update={"build_engines": False})
    (said,) = engine_warnings(recipe(), settings, store, lambda: H200)
    assert said.startswith("An engine of the store is passed over. The card 'engines/turbo/2/card.json' is none that")
    spec = resolve_engine_spec(recipe(), "turbo", settings, store, find_machine=lambda: H200)
    assert (spec.name, Path(spec.folder or "").name[:8]) == ("tensorrt", "turbo-1-")


@pytest.mark.parametrize("record", [b"", b"[]", b'{"at": 7}', b'{"at": "9999-01-01", "reason": "x"}', b"[" * 99_999])
def test_s4_a_garbage_record_of_a_failed_build_stops_no_build(
    store: ObjectStore, tmp_path: Path, record: bytes
) -> None:
    def fail(_: EngineRequirements) -> None:
        raise EngineError("no opset")

    assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path, fail)) is None
    (key,) = [info.key for info in store.list("engines/") if "failed-" in info.key]
    tried: list[EngineRequirements] = []
    for data in (record, b'{"at": "2999-01-01T00:00:00+00:00", "reason": "x"}'):
        store.write(key, data)
        assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path, tried.append)) is None
    assert len(tried) == 2


def test_a_night_that_builds_says_so(store: ObjectStore) -> None:
    (said,) = missing_engine_warnings(store, recipe(), TRUST, H200, builds_missing=True)
    assert said.startswith("A TensorRT engine is built before the first image: there is no engine of 'turbo'")
    (elsewhere,) = missing_engine_warnings(store, recipe(), TRUST, None, builds_missing=True)
    assert elsewhere.startswith("The torch engine generates in place of TensorRT")


@pytest.mark.parametrize("error", [EngineError("no opset"), OSError("disk full"), RuntimeError("out of memory")])
def test_an_engine_that_could_not_be_built_is_not_tried_again_for_a_day(
    store: ObjectStore, tmp_path: Path, error: Exception
) -> None:
    tried = []

    def make(need: EngineRequirements) -> None:
        tried.append(need)
        raise error

    for _ in range(3):
        assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path, make)) is None
    assert len(tried) == 1
    (said,) = missing_engine_warnings(store, recipe(), TRUST, H200, builds_missing=True)
    assert said.startswith("The torch engine generates in place of TensorRT")
    assert said.endswith(f"; building one failed: {error}")
    (note,) = [info.key for info in store.list("engines/") if "failed-" in info.key]
    words = read_json(store, note)
    write_json(store, note, words | {"at": (datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat()})
    assert fetch_fitting_engine(store, recipe(), "turbo", H200, host(tmp_path, make)) is None
    assert len(tried) == 2


def test_an_fp8_engine_is_never_made_by_itself_and_nobody_says_so(store: ObjectStore, tmp_path: Path) -> None:
    asked = recipe(precision="fp8")
    assert (
        fetch_fitting_engine(store, asked, "turbo", H200, host(tmp_path, lambda need: pytest.fail(f"{need} was made")))
        is None
    )
    (said,) = missing_engine_warnings(store, asked, TRUST, H200, builds_missing=True)
    assert said.startswith("The torch engine generates in place of TensorRT, in fp8")


def test_what_paints_follows_from_the_recipe_and_is_pinned_or_refused() -> None:
    def spec(**options: Any) -> Any:
        job, _ = RefreshParameters(source="a.csv", store="store", **options).resolve_job()
        return resolve_engine_spec(job.recipe, job.recipe.default_model, SETTINGS)

    assert (spec(engine="stub").name, spec(engine="stub").stub_seconds) == ("stub", 0.0)
    chosen = spec(model=f"owner/name@{'a' * 40}", precision="fp32")
    assert (chosen.name, chosen.source, chosen.revision, chosen.precision) == ("torch", "owner/name", "a" * 40, "fp32")
    with pytest.raises(RuleFileError, match=r"'turbo' .* is not pinned"):
        spec()
    pinned = f"owner/name@{'a' * 40}"
    assert spec(engine="tensorrt", model=pinned) == spec(engine="torch", model=pinned)


def test_the_tensorrt_engine_paints_the_same_requests_from_the_folder_of_its_model(tmp_path: Path) -> None:
    def job(engine: str) -> Any:
        options: Any = {"engine": engine, "model": f"owner/name@{'a' * 40}"}
        return RefreshParameters(source="a.csv", store="store", **options).resolve_job()[0]

    def spec(settings: Settings) -> Any:
        return resolve_engine_spec(job("tensorrt").recipe, name, settings)

    name = job("torch").recipe.default_model
    assert job("tensorrt").recipe.provenance_by_name == job("torch").recipe.provenance_by_name
    here = SETTINGS.model_copy(update={"engine_folder": str(tmp_path)})
    assert (spec(here).name, spec(here).folder, spec(here).revision) == ("tensorrt", str(tmp_path), "a" * 40)
    (tmp_path / name).mkdir()
    assert spec(here).folder == str(tmp_path / name)
    assert resolve_engine_spec(job("torch").recipe, name, here).folder is None
    store = open_store(str(tmp_path / "store"))
    assert engine_warnings(job("tensorrt").recipe, here, store) == []
    [warning] = engine_warnings(job("tensorrt").recipe, SETTINGS, store)
    assert warning.startswith("The torch engine generates in place of TensorRT, in bf16")
    assert engine_warnings(job("torch").recipe, SETTINGS, store) == []


def test_a_stored_engine_that_fits_this_machine_paints_and_the_report_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("diffusers")
    pytest.importorskip("onnx")
    from flows.engines.repository import put_engine
    from infra.engines.tensorrt.engine_build import EngineBuildRequest, build_engine_folder, prepare_build
    from infra.engines.tensorrt.profiles import ImageSize, batch_range
    from tasks.models.engine_repository import read_engine, record_verification
    from tests.fixtures.small_onnx_graphs import write_small_export
    from tests.fixtures.tensorrt_host import fake_tensorrt_host

    options: Any = {"engine": "tensorrt", "model": str(MODEL_FOLDER), "precision": "fp32"}
    recipe = RefreshParameters(source="a.csv", store="store", **options).resolve_job()[0].recipe
    name = recipe.default_model
    host, store = fake_tensorrt_host(), open_store(str(tmp_path / "store"))
    export = write_small_export(tmp_path / "export", MODEL_FOLDER)
    sizes = [ImageSize(tier.width, tier.height) for tier in recipe.tiers.values()]
    order = EngineBuildRequest(MODEL_FOLDER, export, tmp_path / "plans", sizes, batch_range(1, 2), "fp32")
    build_engine_folder(prepare_build(order, str), str, lambda: host)
    put_engine(store, name, tmp_path / "plans")
    parity = ParityResult(passed=True, runtime="tensorrt", tolerance=1e-4, cases=1, max_abs_diff=0.0, psnr=200.0)
    record_verification(store, read_engine(store, name, 1), parity, open_engine_trust(SETTINGS))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert resolve_engine_spec(recipe, name, SETTINGS, store).name == "torch"
    here = GpuPlatform(host.machine.tensorrt, host.machine.gpu, host.machine.compute_capability)
    chosen = resolve_engine_spec(recipe, name, SETTINGS, store, find_machine=lambda: here)
    assert chosen.name == "tensorrt"
    assert Path(chosen.folder or "").parent == tmp_path / "cache" / "packshot" / "engines"
    assert (Path(chosen.folder or "") / "transformer" / "model.plan").read_bytes()
    assert engine_warnings(recipe, SETTINGS, store, lambda: here) == []


def fetch_fitting(store: ObjectStore, *_: object) -> Path:
    return Path("/fits") / "engine" if store.url.startswith("file://") else Path("/elsewhere")


def fetch_none(*_: object) -> None:
    return None


@pytest.mark.parametrize(
    ("fetch", "chosen"), [(fetch_fitting, ("tensorrt", "/fits/engine")), (fetch_none, ("torch", None))]
)
def test_which_tensorrt_engine_fits_is_found_out_where_it_is_opened(
    tmp_path: Path, fetch: EngineFetcher, chosen: tuple[str, str | None]
) -> None:
    words = {
        "source": "a.csv",
        "store": str(tmp_path),
        "model": str(MODEL_FOLDER),
        "precision": "fp32",
        "engine": "tensorrt",
    }
    job, _ = RefreshParameters(**words).resolve_job()
    opener = engine_opener(job, job.recipe.default_model, SETTINGS, describe_engine, fetch)
    travelled = pickle.loads(pickle.dumps(opener))  # noqa: S301 - our own bytes
    assert travelled() == chosen


@pytest.mark.parametrize(
    "error",
    [
        StoreError("The card is none"),
        EngineError("no room"),
        OSError("disk full"),
        ValueError("key"),
        OptionError("no"),
    ],
)
def test_engines_of_no_use_cost_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    def fail(*_: object) -> Path:
        raise error

    words = {
        "source": "a.csv",
        "store": str(tmp_path),
        "model": str(MODEL_FOLDER),
        "precision": "fp32",
        "engine": "tensorrt",
    }
    job, _ = RefreshParameters(**words).resolve_job()
    spec = resolve_engine_spec(job.recipe, job.recipe.default_model, SETTINGS, open_store(str(tmp_path)), fetch=fail)
    assert (spec.name, spec.folder) == ("torch", None)
    assert f"so torch generates: {error}" in caplog.text


def describe_engine(spec: EngineSpec) -> tuple[str, str | None]:
    """Stand for opening an engine: say which one it would be."""
    return spec.name, spec.folder
