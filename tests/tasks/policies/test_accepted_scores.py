"""Scores of accepted images are read from runs' records, or measured in a folder."""

import json
from pathlib import Path

import numpy as np
import pytest

from catalogs.errors import OptionError
from catalogs.policy.schema import built_in_policy, load_policy
from infra.imaging.codecs import encode_png
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters
from tasks.policies.accepted_scores import AcceptedScores, measure_folder_scores, read_published_scores
from tests.fixtures import run_rows as batches
from tests.fixtures.product_images import passing_images
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


def picture_file(name: str) -> bytes:
    return finish(passing_images(128)[name], FinishParameters())


def test_columns_stay_side_by_side_when_an_image_brings_other_scores() -> None:
    gathered = AcceptedScores()
    gathered.add("", {"a": 1})
    gathered.add("wool", {"b": 2})
    gathered.add("", {"a": 3, "b": 4})
    accepted = gathered.table
    assert accepted.categories.tolist() == ["", "wool", ""]
    np.testing.assert_array_equal(accepted.columns["a"], [1, np.nan, 3])
    np.testing.assert_array_equal(accepted.columns["b"], [np.nan, 2, 4])


def test_a_folder_is_measured_and_its_folders_are_categories(tmp_path: Path) -> None:
    (tmp_path / "balls" / "deep").mkdir(parents=True)
    (tmp_path / "balls" / "deep" / "one.JPG").write_bytes(picture_file("red ball"))
    (tmp_path / "lamp.png").write_bytes(encode_png(passing_images(128)["blue lamp"]))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "cut.jpeg").write_bytes(picture_file("red ball")[:500])
    (tmp_path / "other.png").write_bytes(b"GIF89a")
    gathered = measure_folder_scores(tmp_path)
    assert gathered.categories == ["balls", ""]
    assert [name for name, _ in gathered.skipped] == ["cut.jpeg", "other.png"]
    assert "no frame header" in dict(gathered.skipped)["cut.jpeg"]
    columns = gathered.table.columns
    assert columns["fill.side"] == pytest.approx([0.84, 0.82], abs=0.02)
    assert columns["background.white"].tolist() == [1, 1]


def test_a_folder_that_is_not_there_or_holds_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"--from-folder: there is no folder '.*gone'"):
        measure_folder_scores(tmp_path / "gone")
    with pytest.raises(OptionError, match="holds no image"):
        measure_folder_scores(tmp_path)


def test_what_is_shown_has_the_scores_of_the_attempt_that_is_shown(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("run-0", {"gone/front": "grey"})
    shop.release(batches.RUN_ID, {"shirt/front": "red", "shirt/back": "red", "mug/front": "blue"})
    slots = [
        batches.planned_slot_row(place, word, category=category)
        for place, word, category in (
            ("shirt/front", "red", "shirts"), ("shirt/back", "red", "shirts"), ("mug/front", "blue", ""),
            ("late/front", "late", "shirts"),
        )
    ]  # fmt: skip
    attempts = [
        batches.attempt_row("red", 0, scores=json.dumps({"blur.foreground": 9.0})),
        batches.attempt_row("blue", 0, scores=json.dumps({"blur.foreground": 8.0})),
        batches.attempt_row("blue", 1, scores=json.dumps({"blur.foreground": 1.0})),
        batches.attempt_row("late", 0, scores=json.dumps({"blur.foreground": 2.0})),
    ]
    batches.write_plan(shop.store, slots, [])
    batches.write_records(shop.store, {"0-000000": attempts})
    gathered = read_published_scores(shop.store, shop.tables, CATALOGUE, built_in_policy().not_of_scenes)
    found = sorted(zip(gathered.categories, gathered.columns["blur.foreground"], strict=True))
    assert found == [("", 8.0), ("shirts", 9.0)]
    assert gathered.skipped == [("run run-0", "the scores of 1 images are no longer kept")]


def test_an_unknown_catalogue_is_refused_by_name(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    with pytest.raises(OptionError, match="no catalogue 'hats'"):
        read_published_scores(shop.store, shop.tables, "hats", frozenset())


def test_what_says_nothing_on_a_stage_moves_no_proposed_limit() -> None:
    accepted = AcceptedScores(not_of_scenes=built_in_policy().not_of_scenes)
    measured = {"background.white": 0.0, "fill.side": 0.3, "blur.foreground": 9.0, "kept.broken": 0.0}
    accepted.add("mugs", measured | {"kept.scene": 1.0})
    accepted.add("mugs", measured)
    columns = accepted.table.columns
    assert np.isnan([columns["background.white"][0], columns["fill.side"][0]]).all()
    assert (columns["background.white"][1], list(columns["blur.foreground"])) == (0.0, [9.0, 9.0])


def test_a_policy_s_own_scene_rules_say_which_stored_scores_count(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release(batches.RUN_ID, {"mug/front": "blue"})
    batches.write_plan(shop.store, [batches.planned_slot_row("mug/front", "blue", category="")], [])
    measured = {"background.white": 0.0, "fill.side": 0.3, "blur.foreground": 9.0, "kept.broken": 0.0}
    measured["kept.scene"] = 1.0
    batches.write_records(shop.store, {"0-000000": [batches.attempt_row("blue", 0, scores=json.dumps(measured))]})
    own = load_policy("extends: default@2\nscenes: {not_judged: {fill.side: null, blur.foreground: mist}}", "own.yaml")
    columns = read_published_scores(shop.store, shop.tables, CATALOGUE, own.not_of_scenes).columns
    assert {"background.white", "fill.side", "blur.foreground"} & columns.keys() == {"fill.side"}
    columns = read_published_scores(shop.store, shop.tables, CATALOGUE, built_in_policy().not_of_scenes).columns
    assert {"background.white", "fill.side", "blur.foreground"} & columns.keys() == {"blur.foreground"}
