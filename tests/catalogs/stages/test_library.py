"""A library's stages are named, answered by people, and assigned to SKUs by a hash that few changes move."""

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import OptionError
from catalogs.stages.library import LibraryUnreadable, StageLibrary, choose_stage, parse_library
from catalogs.stages.stage import Stage, StageState

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def stage(name: str, **fields: object) -> Stage:
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return Stage.model_validate(
        {"sha256": sha256, "name": name, "origin": "photo", "width": 1024, "height": 768, **fields}
    )


def library(*stages: Stage) -> StageLibrary:
    found = StageLibrary("shop")
    for each in stages:
        found = found.add(each)
    return found


def test_a_document_is_read_back_as_it_was_written() -> None:
    oak = stage("oak", categories=("mugs",), light="left", scores={"zone.edges": 0.01}, source={"file": "oak.jpg"})
    written = library(oak, stage("marble")).answer(oak, StageState.APPROVED, "ann", NOW)
    assert parse_library("shop", 3, written.document()).stages == written.stages


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"library": "shop"}, {"library": "other", "stages": []}, {"library": "shop", "stages": [{}]}],
)
def test_what_is_no_library_is_refused(document: object) -> None:
    with pytest.raises(LibraryUnreadable, match="'shop'"):
        parse_library("shop", 1, document)


def test_a_stage_is_found_by_its_name_or_the_beginning_of_its_digest() -> None:
    shop = library(stage("oak"), stage("marble"))
    assert shop.find("oak") == shop.find(shop.stages[0].sha256[:8]) == shop.stages[0]
    with pytest.raises(OptionError, match="has no stage 'marbel'; did you mean 'marble'"):
        shop.find("marbel")


def test_a_name_or_a_picture_comes_once() -> None:
    shop = library(stage("oak"))
    with pytest.raises(OptionError, match="a stage 'oak' already"):
        shop.add(stage("oak", sha256="0" * 64))
    with pytest.raises(OptionError, match="in the library already, as 'oak'"):
        shop.add(stage("oak").model_copy(update={"name": "oak-2"}))


def test_a_person_s_answer_is_kept_with_name_and_time_and_only_what_is_approved_is_used() -> None:
    oak, marble = stage("oak"), stage("marble")
    shop = library(oak, marble).answer(oak, StageState.APPROVED, "ann", NOW)
    assert [each.name for each in shop.usable("")] == ["oak"]
    assert (shop.stages[0].answered_by, shop.stages[0].answered_at) == ("ann", NOW)
    retired = shop.answer(shop.stages[0], StageState.RETIRED, "ann", NOW)
    assert retired.usable("") == []
    with pytest.raises(OptionError, match="'marble' is proposed; what is retired was approved before"):
        shop.answer(marble, StageState.RETIRED, "ann", NOW)


def test_a_stage_takes_its_categories_and_images_no_larger_than_itself() -> None:
    oak, grass = stage("oak", categories=("mugs",), state="approved"), stage("grass", state="approved", width=512)
    shop = library(oak, grass)
    assert [each.name for each in shop.usable("mugs")] == ["oak", "grass"]
    assert [each.name for each in shop.usable("lamps")] == ["grass"]
    assert [each.name for each in shop.usable("mugs", (1024, 768))] == ["oak"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"fill": 0.3, "least_fill": 0.4}, "least_fill 0.4 is more than fill 0.3"),
        ({"centre": 0.2}, "fill 0.6 and centre 0.2 leaves"),
        ({"foot": 0.5}, "fill 0.6 does not fit above foot 0.5"),
        ({"name": "Oak"}, "name"),
        ({"light": "front"}, "light"),
    ],
)
def test_a_place_where_no_product_fits_is_refused(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Stage.model_validate({**stage("oak").model_dump(), **fields})


@given(st.lists(st.text(min_size=1), min_size=1, max_size=40), st.integers(1, 12))
def test_one_more_stage_moves_a_sku_to_it_or_leaves_it(skus: list[str], count: int) -> None:
    before = [stage(f"s{number}") for number in range(count)]
    after = [*before, stage("new")]
    for sku in skus:
        was, now = choose_stage(sku, before), choose_stage(sku, after)
        assert now in (was, count)


def test_stages_share_the_skus_evenly() -> None:
    stages = [stage(f"s{number}") for number in range(4)]
    counts = [0] * 4
    for number in range(4000):
        counts[choose_stage(f"SKU-{number}", stages)] += 1
    assert all(850 < count < 1150 for count in counts)
