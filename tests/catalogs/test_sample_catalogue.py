"""The sample catalogue that the rehearsal runs: enough good rows, and one of each awkward kind."""

import csv
from collections import Counter
from importlib import resources

import pytest

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    text = (resources.files("catalogs") / "data" / "sample.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def where(rows: list[Row], **values: str) -> list[str]:
    return [row["sku"] for row in rows if all(value in row[name] for name, value in values.items())]


def test_it_has_at_least_24_skus_of_several_categories(rows: list[Row]) -> None:
    assert len({row["sku"] for row in rows}) >= 24
    assert len({row["category"] for row in rows}) == 8


def test_one_sku_is_given_twice_and_one_row_has_no_title(rows: list[Row]) -> None:
    assert [sku for sku, count in Counter(row["sku"] for row in rows).items() if count > 1] == ["BOOT-402"]
    assert [row["sku"] for row in rows if not row["title"]] == ["BOX-705"]


def test_two_sizes_cannot_be(rows: list[Row]) -> None:
    sizes = {(int(row["width"]), int(row["height"])) for row in rows if row["width"]}
    assert sizes == {(768, 1024), (1000, 1003), (100000, 16)}


def test_the_same_product_and_its_sizes_are_told_by_the_same_words(rows: list[Row]) -> None:
    words = Counter(
        tuple(row[name] for name in ("title", "category", "color", "material", "brand", "description", "views"))
        for row in rows
    )
    shared = {key[0]: count for key, count in words.items() if count > 1}
    assert shared == {"Espresso Cup": 2, "Oxford Shirt": 4}


def test_a_banned_word_a_doubtful_one_and_harmless_neighbours_are_there(rows: list[Row]) -> None:
    assert where(rows, title="Revolver") == ["BOX-703"]
    assert where(rows, title="Naked") == ["BOX-704"]
    assert where(rows, title="Nude Blush") == ["CUSHION-604"]


def test_hostile_and_foreign_skus_and_titles_are_there(rows: list[Row]) -> None:
    assert where(rows, sku="/") == ["BAG/2026/7", "../BAG-501"]
    assert where(rows, title="🎉") == ["BALL-302"]
    assert where(rows, title="湯呑み") == ["MUG-004"]


def test_notes_ask_the_stub_engine_for_defects_that_gates_must_find(rows: list[Row]) -> None:
    notes = Counter(row["note"] for row in rows if row["note"])
    assert notes == {"[second-try]": 1, "[copycat]": 2, "[blurred]": 1, "[blank]": 1}
