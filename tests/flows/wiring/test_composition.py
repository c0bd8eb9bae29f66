"""Settings say where and how fast: none of them moves a key, a digest or a pixel."""

import importlib.util
import pickle
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from catalogs.errors import RuleFileError
from catalogs.models.engine_artifacts import ParityResult
from catalogs.policy.channels import built_in_channel
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe
from catalogs.runs.job import RefreshJob
from flows.parameters import RefreshParameters
from flows.wiring import composition as places
from flows.wiring.composition import (
    engine_opener,
    engine_warnings,
    missing_scanner_warnings,
    open_resources,
    open_screener,
    require_conditional_writes,
    resolve_engine_spec,
)
from infra.engines.spec import EngineSpec
from infra.errors import EngineError, StoreError
from infra.interfaces import Engine, ObjectStore
from infra.nano import MODEL_FOLDER
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.local import LocalStore
from tests.fixtures.ray_clusters import NEEDS_RAY
from tests.fixtures.refresh_harness import SETTINGS, Manifest, RefreshHarness
from tests.fixtures.signing_identities import new_identity, write_identity
from tests.flows.test_bad_input import STUB_RECIPE

CHANGED_SETTINGS: dict[str, Any] = {
    "shard_size": 2,
    "in_flight": 1,
    "pool": "ray",
    "ray_address": "127.0.0.1:1",
    "ray_gpus": 2,
    "ray_tries": 1,
    "screeners": 2,
    "screen_seconds": 7.0,
    "stub_seconds": 0.01,
    "single_writer": True,
    "store_seconds": 5.0,
    "lease_seconds": 33.0,
    "engine_folder": "engines",
    "build_engines": False,
    "keep_staged_days": 1,
    "gpu": "h100",
    "prices": "prices.yaml",
    "c2pa": False,
    "c2pa_certificate": "chain.pem",
    "c2pa_key": "key.pem",
    "c2pa_folder": "c2pa",
    "c2pa_timestamp_url": "http://127.0.0.1:9/",
    "c2pa_trust": "roots.pem",
    "watermark": "infra.testing.block_watermark:BlockWatermark",
    "classifier": "classifier.json",
    "acceleration": "graphs",
    "unverified": True,
}
"""Every setting, and another value than it has."""
IN_THE_FOLDER = ("prices", "c2pa_certificate", "c2pa_key", "c2pa_folder", "c2pa_trust", "classifier")
TOGETHER = {"c2pa_certificate", "c2pa_key"}
NAMES = ("request_key", "source_digest", "finish_digest", "pixel_sha", "attempt", "model")
"""What no setting moves. Who signs is in the file, and so in its sha and its name."""
PRICES = "currency: EUR\ndefault: h100\ngpus: {h100: {usd_per_hour: 1.0, seconds_per_megapixel: 1.0}}\n"


def rows() -> list[dict[str, str]]:
    titles = ("Mug", "Bag", "Ball", "Shirt [second-try]", "Box [blank]")
    return [{"sku": f"thing-{number}", "title": title} for number, title in enumerate(titles)]


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    shop = RefreshHarness(tmp_path_factory.mktemp("first"), rows(), STUB_RECIPE)
    assert shop.refresh().report["slots"]["published"] == 4
    return shop


def changed_settings(folder: Path, *names: str) -> Settings:
    (folder / "prices.yaml").write_text(PRICES)
    (folder / "classifier.json").write_text('{"version": "1", "labels": {"sexual": {"weights": {"nude": 2.5}}}}')
    write_identity(folder, new_identity())
    values = {name: str(folder / value) if name in IN_THE_FOLDER else value for name, value in CHANGED_SETTINGS.items()}
    moving = {*names, *TOGETHER} if TOGETHER & {*names} else names
    return SETTINGS.model_copy(update={name: values[name] for name in moving})


def published_identity(manifest: Manifest) -> dict[Any, Any]:
    return {name: tuple(row[column] for column in NAMES) for name, row in manifest.items()}


def test_no_setting_is_left_out_here() -> None:
    assert CHANGED_SETTINGS.keys() == Settings.model_fields.keys()
    assert [name for name, value in CHANGED_SETTINGS.items() if value == getattr(SETTINGS, name)] == []


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=NEEDS_RAY if name == "pool" else ()) for name in CHANGED_SETTINGS]
)
def test_moving_one_setting_makes_no_slot_change(tmp_path: Path, first_release: RefreshHarness, name: str) -> None:
    shutil.copytree(first_release.folder / "store", tmp_path / "store")
    shop = RefreshHarness(tmp_path, rows(), STUB_RECIPE, settings=changed_settings(tmp_path, name))
    night = shop.refresh()
    assert (night.slot_counts(), night.prompts_rendered, night.after) == ({"waiting": 1}, 0, night.before)


def test_all_settings_moved_together_make_the_very_same_pictures(
    tmp_path: Path, first_release: RefreshHarness, local_ray: Any
) -> None:
    here = CHANGED_SETTINGS.keys() - {"ray_address"}  # there is no such cluster; test_several_gpus.py joins others
    shop = RefreshHarness(tmp_path, rows(), STUB_RECIPE, settings=changed_settings(tmp_path, *here))
    shop.refresh()
    assert published_identity(shop.manifest()) == published_identity(first_release.manifest())


class UnconditionalStore(LocalStore):
    """A store that ignores conditions, as some servers do."""

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Write whatever is there."""
        self.write(key, data, content_type=content_type, cache_control=cache_control)
        return True


def test_a_store_without_conditional_writes_is_refused_unless_one_writer_is_promised(tmp_path: Path) -> None:
    store: ObjectStore = UnconditionalStore(str(tmp_path))
    with pytest.raises(StoreError, match="PACKSHOT_SINGLE_WRITER=1 if nothing else ever writes there"):
        require_conditional_writes(store, SETTINGS)
    require_conditional_writes(store, SETTINGS.model_copy(update={"single_writer": True}))
    require_conditional_writes(open_store(str(tmp_path)), SETTINGS)
    assert list(store.list("")) == []


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
    assert warning.startswith("The torch engine paints in place of TensorRT, in bf16")
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
    record_verification(store, read_engine(store, name, 1), parity)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert resolve_engine_spec(recipe, name, SETTINGS, store).name == "torch"
    monkeypatch.setattr(places, "find_tensorrt_machine", lambda: host.machine)
    chosen = resolve_engine_spec(recipe, name, SETTINGS, store)
    assert chosen.name == "tensorrt"
    assert Path(chosen.folder or "").parent == tmp_path / "cache" / "packshot" / "engines"
    assert (Path(chosen.folder or "") / "transformer" / "model.plan").read_bytes()
    assert engine_warnings(recipe, SETTINGS, store) == []


def test_a_store_in_memory_is_measured_in_this_process() -> None:
    screener = open_screener(open_store("memory://places"), SETTINGS)
    assert type(screener).__name__ == "InlineScreener"
    screener.close()


def test_a_channel_that_nobody_measures_for_is_said_before_the_run() -> None:
    def warnings(*scanners: str) -> list[str]:
        recipe = built_in_recipe().model_copy(
            update={"channels": {"ebay": built_in_channel("ebay"), "shopify": built_in_channel("shopify")}}
        )
        policy = built_in_policy().model_copy(update={"optional": scanners})
        return missing_scanner_warnings(RefreshJob("a.csv", "store", "shop", recipe, policy, "full"))

    [said] = warnings()
    assert said == (
        "No picture will be usable on ebay: what they ask for is measured by the scanner 'text',"
        " so name it in the policy (optional: [text])"
    )
    if importlib.util.find_spec("rapidocr") is None:
        assert "which cannot be opened here" in warnings("text")[0]
    else:
        assert warnings("text") == []


def test_threads_that_ask_at_once_share_one_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*_: object) -> Callable[[], Engine]:
        time.sleep(0.05)
        return lambda: pytest.fail("nothing is painted")

    monkeypatch.setattr(places, "engine_opener", slowly)
    job, _ = RefreshParameters(source="a.csv", store=str(tmp_path), engine="stub").resolve_job()
    with (
        open_resources(job, SETTINGS.model_copy(update={"c2pa": False})) as (opened, _),
        ThreadPoolExecutor(8) as threads,
    ):
        assert len(set(map(id, threads.map(opened.pool, [job.recipe.default_model] * 8)))) == 1


def test_which_tensorrt_engine_fits_is_found_out_where_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "open_engine", described)
    words = {
        "source": "a.csv",
        "store": str(tmp_path),
        "model": str(MODEL_FOLDER),
        "precision": "fp32",
        "engine": "tensorrt",
    }
    job, _ = RefreshParameters(**words).resolve_job()
    travelled = pickle.loads(pickle.dumps(engine_opener(job, job.recipe.default_model, SETTINGS)))  # noqa: S301
    monkeypatch.setattr(places, "fetch_fitting_engine", lambda store, *_: Path(f"/fits/{store.url.rsplit('/', 1)[-1]}"))
    assert travelled() == ("tensorrt", f"/fits/{tmp_path.name}")
    monkeypatch.setattr(places, "fetch_fitting_engine", lambda *_: None)
    assert travelled() == ("torch", None)


@pytest.mark.parametrize("error", [StoreError("The card is none"), EngineError("no room"), OSError("disk full")])
def test_engines_of_no_use_cost_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(*_: object) -> Path:
        raise error

    monkeypatch.setattr(places, "fetch_fitting_engine", fail)
    words = {
        "source": "a.csv",
        "store": str(tmp_path),
        "model": str(MODEL_FOLDER),
        "precision": "fp32",
        "engine": "tensorrt",
    }
    job, _ = RefreshParameters(**words).resolve_job()
    spec = resolve_engine_spec(job.recipe, job.recipe.default_model, SETTINGS, open_store(str(tmp_path)))
    assert (spec.name, spec.folder) == ("torch", None)
    assert f"so torch paints: {error}" in caplog.text


def described(spec: EngineSpec) -> tuple[str, str | None]:
    """Stand for opening an engine: say which one it would be."""
    return spec.name, spec.folder
