"""The whole refresh: nights of small shops, and a real model, thousands of times too small, on this CPU.

What else a refresh does is asked in `test_edits`, `test_catalogues` and `test_bad_input`.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalogs.rule_files import read_packaged_rules
from infra.errors import EngineUnsuitable
from infra.imaging.codecs import decode
from infra.models.model_files import model_folder_digest
from infra.stores.parquet_objects import read_row_groups
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness, Row, assert_published_images
from tests.fixtures.tiny_checkpoint import build_tiny_checkpoint

RECIPE = {
    "columns": {"sku": "sku", "title": "title", "width": "width", "height": "height"},
    "models": {"turbo": {"source": "Tongyi-MAI/Z-Image-Turbo"}},
    "tiers": {"standard": {"width": 64, "height": 64, "steps": 2}},
    "views": {"front": "seen from the front"},
    "defaults": {"template": "Photograph of {{ title }}, {{ phrase }}", "views": ["front"]},
}


def policy() -> dict[str, object]:
    """Return a policy for pictures of noise: they are all alike to a fingerprint, and have no product in them."""
    content: dict[str, object] = yaml.safe_load(read_packaged_rules("policy"))
    content["image"] = [{"score": "black.deviation", "reason": "flat", "block_below": 1}]
    content["duplicates"] = {"near_bits": 0, "review_bits": 0, "quality_floor": 100}
    return content


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    return {name: build_tiny_checkpoint(folder / name, seed) for seed, name in enumerate(("first", "second"))}


def rows() -> list[Row]:
    row = {"sku": "", "title": "", "width": "", "height": ""}
    sizes = [("", ""), ("", ""), ("128", "64"), ("128", "128")]
    return [
        row | {"sku": f"thing-{number}", "title": f"Thing No. {number}", "width": width, "height": height}
        for number, (width, height) in enumerate(sizes)
    ]


@pytest.mark.slow
def test_a_real_pipelines_pictures_are_published_once(tmp_path: Path, checkpoints: dict[str, Path]) -> None:
    shop = RefreshHarness(tmp_path, rows(), RECIPE, policy())
    asked = {"model": str(checkpoints["first"]), "precision": "fp32"}
    night = shop.refresh(**asked)
    assert night.slot_counts() == {"new": 4, "published": 4}
    assert night.image_counts() == {"generated": 4, "reused": 0}
    assert night.report["gpu_seconds"] > 0
    assert_published_images(shop.store, night.after)
    shapes = {name[0]: (row["width"], row["height"]) for name, row in night.after.items()}
    assert shapes == {"thing-0": (64, 64), "thing-1": (64, 64), "thing-2": (128, 64), "thing-3": (128, 128)}
    first, second = (decode(shop.store.read(night.after[f"thing-{n}", "front", 0]["object"])) for n in (0, 1))
    assert np.abs(first.astype(int) - second.astype(int)).mean() > 1
    assert all(row["model"].startswith("chosen@") for row in night.after.values())

    again = shop.refresh(**asked)
    assert (again.slot_counts(), again.image_counts(), again.prompts_rendered) == ({}, {"generated": 0, "reused": 0}, 0)
    assert again.after == night.after
    moved = checkpoints["first"].rename(checkpoints["first"].with_name("moved"))
    checkpoints["first"] = moved
    assert shop.refresh(**asked | {"model": str(moved)}).slot_counts() == {}, "a folder's name is no part of any key"


@pytest.mark.slow
def test_other_weights_are_another_model_with_other_pictures(tmp_path: Path, checkpoints: dict[str, Path]) -> None:
    shop = RefreshHarness(tmp_path, rows()[:1], RECIPE, policy())
    pictures = {}
    for name, folder in checkpoints.items():
        night = shop.refresh(model=str(folder), precision="fp32", catalogue=name)
        shop.catalogue = name
        pictures[name] = shop.manifest()["thing-0", "front", 0]
        assert night.image_counts() == {"generated": 1, "reused": 0}
    first, second = pictures.values()
    assert [first[key] == second[key] for key in ("request_key", "source_digest", "pixel_sha", "model")] == [False] * 4


@pytest.mark.slow
@pytest.mark.parametrize("file", ["transformer/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json"])
def test_a_changed_file_of_the_model_moves_its_digest(checkpoints: dict[str, Path], file: str) -> None:
    folder = checkpoints["second"]
    before, content = model_folder_digest(folder), (folder / file).read_bytes()
    try:
        (folder / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert model_folder_digest(folder) != before
    finally:
        (folder / file).write_bytes(content)
    assert model_folder_digest(folder) == before


@pytest.mark.slow
def test_a_precision_that_this_machine_lacks_is_refused_and_nothing_else_is_made_instead(
    tmp_path: Path, checkpoints: dict[str, Path]
) -> None:
    shop = RefreshHarness(tmp_path, rows()[:1], RECIPE, policy())
    with pytest.raises(EngineUnsuitable, match="cannot compute in 'fp8': choose 'bf16' or 'fp32' in the recipe"):
        shop.refresh(model=str(checkpoints["second"]), precision="fp8")
    assert shop.manifest() == {}


def stub_shop(folder: Path, titles: list[str]) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": title} for number, title in enumerate(titles)]
    return RefreshHarness(folder, rows, STUB_RECIPE)


def test_a_picture_that_cannot_be_made_is_tried_once_a_night_until_its_attempts_are_spent(tmp_path: Path) -> None:
    shop = stub_shop(tmp_path, ["Mug", "Poisoned Mug [poison]"])
    made = {"generated": 0, "reused": 0}
    for night in range(3):
        report = shop.refresh().report
        first = {"published": 1, "unchanged": 0} if night == 0 else {"published": 0, "unchanged": 1}
        assert {name: report["slots"][name] for name in ("failed", *first)} == {"failed": 1} | first
        assert (report["reasons"], report["images"]["failed"]) == ({"engine-failed": 1}, 1)
    quiet = shop.refresh()
    assert (quiet.slot_counts(), quiet.image_counts()) == ({"waiting": 1}, made)
    shop.rows[1]["title"] = "Mug that can be painted"
    cured = shop.refresh()
    assert (cured.slot_counts(), cured.added) == ({"new": 1, "published": 1}, {("thing-1", "front", 0)})


def test_another_catalogue_in_the_store_shares_staged_pictures_and_nothing_else(tmp_path: Path) -> None:
    shop = stub_shop(tmp_path, ["Mug", "Bag"])
    summer = shop.refresh().after
    shop.catalogue = "winter"
    shop.rows[1]["title"] = "Boot"
    night = shop.refresh()
    assert (night.slot_counts(), night.image_counts()) == ({"new": 2, "published": 2}, {"generated": 1, "reused": 1})
    assert {row["object"] for row in night.after.values()}.isdisjoint(row["object"] for row in summer.values())
    shop.remove_rows("thing-0")
    shop.rows[0]["title"] = "Another Boot"
    assert shop.refresh().report["held"] == ["retired-share"]  # of its own two, not of all four
    shop.catalogue = "shop"
    assert shop.manifest() == summer


def test_the_same_rows_as_json_lines_or_as_a_folder_of_parquet_are_the_same_slots(tmp_path: Path) -> None:
    shop = stub_shop(tmp_path, ["Mug", "Bag", "Café Ball 🎉"])
    shop.refresh()
    lines = tmp_path / "catalogue.jsonl"
    lines.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in shop.rows), "utf-8")
    for number, row in enumerate(shop.rows):
        part = tmp_path / "folder" / f"day={number}" / "part.parquet"
        part.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([row]), part)
    for source in (lines, tmp_path / "folder"):
        night = shop.refresh(source=str(source))
        assert (night.slot_counts(), night.prompts_rendered, night.after) == ({}, 0, night.before)


def test_a_pictures_priority_decides_when_it_is_made_and_nothing_else(tmp_path: Path) -> None:
    shop = stub_shop(tmp_path, [f"Mug {number}" for number in range(6)])
    shop.recipe = STUB_RECIPE | {"columns": STUB_RECIPE["columns"] | {"priority": "priority"}}
    shop.rows = [row | {"priority": word} for row, word in zip(shop.rows, ["low", "", "high"] * 2, strict=True)]
    night = shop.refresh()
    table = [row for part in read_row_groups(shop.store, f"runs/{night.report['run_id']}/requests/")
             for row in part.to_pylist()]  # fmt: skip
    order = [row["prompt"] for row in sorted(table, key=lambda row: row["shard"])]
    assert [prompt.split(",")[0][-1] for prompt in order] == ["2", "5", "1", "4", "0", "3"]
    shop.rows = [row | {"priority": "normal"} for row in shop.rows]
    assert (shop.refresh().slot_counts(), shop.refresh().prompts_rendered) == ({}, 0)
