"""Channel eligibility: evaluated when an image is measured, and from records when a recipe's channels change."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.photos.kept_request import KeptMode, KeptResult
from catalogs.recipe.render_settings import Finish
from infra.stores.parquet_objects import read_row_groups
from tasks.gates.channel_eligibility import build_image_facts
from tests.fixtures.crash_harness import CATALOGUE, CrashHarness, catalogue_row

pytestmark = pytest.mark.usefixtures("reduced_audit")


def measured(**changes: Any) -> dict[str, Any]:
    scores = {"size.width": 512.0, "size.height": 384.0, "file.bytes": 9000.0}
    return {
        "width": 512,
        "height": 512,
        "scores": scores,
        "looks": [50.0, 0, 0, 0.75],
        "mark": "trainedAlgorithmicMedia",
    } | changes


def test_an_image_is_known_by_its_finished_size_and_by_what_was_measured() -> None:
    picture = build_image_facts(measured(), Finish())
    assert (picture.width, picture.height, picture.fill, picture.enlarged, picture.has_source_mark) == (
        512,
        512,
        0.75,
        1.0,
        True,
    )
    assert picture.rule_inputs["file.bytes"] == 9000.0


@pytest.mark.parametrize(("enlarge", "factor"), [(None, 1.0), (256, 1.0), (512, 1.0), (1024, 2.0)])
def test_an_image_is_enlarged_by_its_finish_only_where_the_model_made_less(enlarge: int | None, factor: float) -> None:
    assert build_image_facts(measured(), Finish(enlarge=enlarge)).enlarged == factor


def test_the_enlargement_of_an_image_of_unknown_size_is_unknown() -> None:
    picture = build_image_facts(measured(scores={}), Finish(enlarge=1024))
    assert picture.rule_inputs["picture.enlarged"] != picture.rule_inputs["picture.enlarged"]
    assert build_image_facts(measured(scores={}), Finish()).enlarged == 1.0


def test_an_image_without_product_or_mark_has_no_fill_and_no_mark() -> None:
    picture = build_image_facts(measured(looks=None, mark="waived"), Finish(mark=False))
    assert (picture.fill, picture.has_source_mark) == (None, False)


def kept_text(mode: KeptMode) -> str:
    return KeptResult(mode, "ab" * 32, "only", "plain", "1", {}, {}).text


@pytest.mark.parametrize(
    ("broken", "proven"), [({"kept.broken": 0.0}, True), ({"kept.broken": 1.0}, False), ({}, False)]
)
def test_a_kept_product_is_proven_only_where_the_proof_was_made_again_and_held(
    broken: dict[str, float], proven: bool
) -> None:
    scores = measured()["scores"] | broken
    record = measured(scores=scores, mark="white", kept=kept_text("white"))
    facts = build_image_facts(record, Finish(), shows_article=True)
    assert (facts.kept_mode, facts.proven, facts.shows_article, facts.has_source_mark) == ("white", proven, True, True)
    assert not build_image_facts(record, Finish()).shows_article, "nothing is assumed"


@pytest.mark.parametrize("mark", ["", "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_another_modes_mark_is_not_the_mark_of_a_kept_product(mark: str) -> None:
    facts = build_image_facts(measured(mark=mark, kept=kept_text("white")), Finish())
    assert (facts.has_source_mark, facts.source_mark) == (False, mark)


def manifest(harness: CrashHarness) -> dict[str, tuple[list[str], list[str]]]:
    rows = harness.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    return {each["sku"]: (each["channels"], each["channel_reasons"]) for each in rows}


@pytest.fixture
def harness(tmp_path: Path) -> CrashHarness:
    world = CrashHarness(
        tmp_path, [catalogue_row("plain-1", "Plain Thing"), catalogue_row("plain-2", "Other Thing", "mugs")]
    )
    world.recipe["channels"] = ["shopify", "amazon-main"]
    return world


AMAZON = ["amazon-main:needs-a-person", "amazon-main:not-measured.text.count", "amazon-main:too-small"]


def test_the_manifest_says_where_an_image_may_be_used_and_why_not_elsewhere(harness: CrashHarness) -> None:
    report = harness.refresh()
    for channels, reasons in manifest(harness).values():
        assert channels == ["shopify"]
        assert set(AMAZON) <= set(reasons)
    assert report["channels"]["shopify"] == {"usable": 2, "not_usable": 0, "reasons": {}}
    amazon = report["channels"]["amazon-main"]
    assert (amazon["usable"], amazon["not_usable"], amazon["reasons"]["needs-a-person"]) == (0, 2, 2)
    [record] = [
        one
        for one in read_row_groups(harness.store, layout.RunFiles(report["run_id"]).records_prefix)
        if one.num_rows == 2
    ]
    assert record["channels"].to_pylist() == [["shopify"]] * 2


def test_other_channels_are_evaluated_from_the_records_without_generating_an_image(harness: CrashHarness) -> None:
    first = harness.refresh()
    painted = harness.generated.total()
    pictures = {
        each["sku"]: each["file_sha"] for each in harness.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    }
    harness.recipe["channels"] = ["shopify", "zalando"]
    second = harness.refresh()
    assert harness.generated.total() == painted
    assert (second["slots"]["unchanged"], second["slots"]["published"], second["channels"]) == (2, 0, {})
    assert second["release"]["version"] > first["release"]["version"]
    for channels, reasons in manifest(harness).values():
        assert channels == ["shopify"]
        assert reasons == ["zalando:too-small", "zalando:wrong-form"]
    assert pictures == {
        each["sku"]: each["file_sha"] for each in harness.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    }
    assert harness.refresh()["release"] == {
        "version": second["release"]["version"],
        "previous": second["release"]["version"],
    }


def test_a_recipe_that_asks_for_no_channel_any_more_leaves_none(harness: CrashHarness) -> None:
    harness.refresh()
    del harness.recipe["channels"]
    harness.refresh()
    assert set(map(repr, manifest(harness).values())) == {"([], [])"}


def test_images_whose_records_were_swept_are_usable_nowhere_new(harness: CrashHarness) -> None:
    run = harness.refresh()["run_id"]
    harness.store.delete([info.key for info in harness.store.list(layout.RunFiles(run).records_prefix)])
    harness.recipe["channels"] = ["ebay"]
    harness.refresh()
    assert set(map(repr, manifest(harness).values())) == {"([], ['ebay:not-stored'])"}


def test_another_channel_moves_no_request_and_spares_what_another_finish_made(harness: CrashHarness) -> None:
    harness.refresh()
    keys = {
        each["sku"]: each["request_key"] for each in harness.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    }
    harness.recipe["channels"] = ["zalando"]
    harness.recipe["finish"] = {"canvas": "portrait"}
    painted = harness.generated.total()
    harness.refresh()
    assert harness.generated.total() == painted
    rows = harness.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    assert {each["sku"]: each["request_key"] for each in rows} == keys
    assert {(each["width"], each["height"]) for each in rows} == {(256, 369)}
    assert {tuple(each["channel_reasons"]) for each in rows} == {("zalando:too-small",)}
