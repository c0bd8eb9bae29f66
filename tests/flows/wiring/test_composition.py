"""Settings say where and how fast: none of them moves a key, a digest or a pixel."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from flows.wiring.composition import open_screener
from infra.settings import Settings
from infra.stores import open_store
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.ray_clusters import NEEDS_RAY
from tests.fixtures.refresh_harness import SETTINGS, Manifest, RefreshHarness
from tests.fixtures.signing_identities import new_identity, write_identity

pytestmark = pytest.mark.usefixtures("reduced_audit")

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
    "s3_addressing": "virtual",
    "store_seconds": 5.0,
    "lease_seconds": 33.0,
    "engine_folder": "engines",
    "build_engines": False,
    "keep_releases": 3,
    "keep_days": 2,
    "keep_staged_days": 1,
    "keep_runs_days": 60,
    "review_max_waiting": 1,
    "review_max_age_hours": 1.0,
    "public_url": "https://cdn.test/shop",
    "purge_command": "purge --all",
    "purge_webhook": "https://cdn.test/purge",
    "gpu": "h100",
    "prices": "prices.yaml",
    "c2pa": False,
    "c2pa_certificate": "chain.pem",
    "c2pa_key": "key.pem",
    "c2pa_folder": "c2pa",
    "c2pa_timestamp_url": "http://127.0.0.1:9/",
    "c2pa_trust": "roots.pem",
    "integrity": False,
    "integrity_key": SecretStr("k" * 64),
    "integrity_key_file": "keys",
    "watermark": "infra.testing.block_watermark:BlockWatermark",
    "classifier": "classifier.json",
    "acceleration": "graphs",
    "unverified": True,
    "source_query": SecretStr("signature=1"),
    "model_sources": "somebody",
    "trust_store_engines": True,
    "photo_hosts": "cdn.shop.example",
    "photo_folders": "s3://shop/photos",
    "photo_recheck_days": 30,
    "cutters": "birefnet=birefnet.onnx",
    "cutout_weights": "u2netp.onnx",
}
"""Every setting, and another value than it has."""
IN_THE_FOLDER = (
    "prices",
    "c2pa_certificate",
    "c2pa_key",
    "c2pa_folder",
    "c2pa_trust",
    "classifier",
    "integrity_key_file",
)
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
    (folder / "keys").write_text("f" * 64)
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


@pytest.mark.slow
def test_all_settings_moved_together_make_the_very_same_pictures(
    tmp_path: Path, first_release: RefreshHarness, local_ray: Any
) -> None:
    here = CHANGED_SETTINGS.keys() - {"ray_address"}  # there is no such cluster; test_several_gpus.py joins others
    shop = RefreshHarness(tmp_path, rows(), STUB_RECIPE, settings=changed_settings(tmp_path, *here))
    shop.refresh()
    assert published_identity(shop.manifest()) == published_identity(first_release.manifest())


def test_a_store_in_memory_is_measured_in_this_process() -> None:
    screener = open_screener(open_store("memory://places"), SETTINGS)
    assert type(screener).__name__ == "InlineScreener"
    screener.close()
