"""Nothing is lost on the way in: every row is accepted, rejected with its reason, or ignored and counted."""

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.ingest.inheritance import collect_inherited_values
from catalogs.ingest.row_validation import IngestedBatch, RowValidator
from catalogs.planning.current_state import CurrentRelease, OutcomeIndex
from catalogs.planning.planner import Planner
from catalogs.planning.retry_rules import RetryClock
from catalogs.recipe.loading import built_in_recipe
from catalogs.verdict import PASS
from infra.sources import open_source
from tests.fixtures.planning_harness import FakePromptGate
from tests.fixtures.sample_recipe import CATALOGUE_COLUMNS, RECIPE, ingest_batch, recipe_with, text_batch
from tests.paths import DATA

LOOKALIKE = DATA / "shopify_lookalike.csv"
MEGABYTE = "x" * 1_000_000


def read(path: Path, recipe_name: str = "shopify") -> tuple[RowValidator, list[IngestedBatch]]:
    source, recipe = open_source(str(path)), built_in_recipe(recipe_name)
    ingest = RowValidator(recipe, source.columns)
    ingest.inherited = collect_inherited_values(
        recipe, source.columns, lambda: (batch.rows for batch in source.batches(ingest.needed_columns))
    )
    return ingest, [ingest.validate_batch(batch.numbers, batch.rows) for batch in source.batches(ingest.needed_columns)]


def counts(ingest: RowValidator) -> tuple[int, int, int, int]:
    counts = ingest.counts
    return counts.input, counts.accepted, counts.rejected, counts.ignored


# Shop exports


def test_a_shop_export_gives_its_products_and_counts_its_images_as_ignored() -> None:
    ingest, batches = read(LOOKALIKE)
    rows = [row for one in batches for row in one.table.to_pylist()]
    assert counts(ingest) == (35, 27, 0, 8)
    assert len({row["sku"] for row in rows}) == 27
    by_sku = {row["sku"]: row for row in rows}
    assert by_sku["harbour-parka-Medium"]["title"] == "Harbour Parka"
    assert by_sku["harbour-parka-Medium"]["row"] == 2
    assert by_sku["felt-slippers-40-Rust"]["brand"] == "Loomfold"
    assert by_sku["felt-slippers-40-Rust"]["description"] == (
        "Warm & light. Wool felt, 4 mm; sole of <1 cm natural rubber."
    )
    assert by_sku["signal-ring-Green"]["option_name"] == "Color"
    assert by_sku["salt-jar-Default Title"]["category"] == "Kitchen"
    assert all(row["title"] and row["sku"] for row in rows)


def plan_of(batches: list[IngestedBatch]) -> list[tuple[bytes, bytes, bytes]]:
    planner = Planner(
        built_in_recipe("shopify"),
        CurrentRelease([]),
        OutcomeIndex([]),
        "policy",
        FakePromptGate(lambda _: PASS, {}),
        RetryClock(datetime.now(UTC)),
        30,
    )
    slots = [slot for one in batches for slot in planner.plan_batch(one.table).slots]
    return [(slot.slot_id, slot.request_key, slot.source_digest) for slot in slots]


def test_the_same_export_as_parquet_gives_the_same_slots_and_keys(tmp_path: Path) -> None:
    options = pa.csv.ParseOptions(newlines_in_values=True)
    pq.write_table(pa.csv.read_csv(LOOKALIKE, parse_options=options), tmp_path / "export.parquet", row_group_size=10)
    as_csv, as_parquet = read(LOOKALIKE), read(tmp_path / "export.parquet")
    assert counts(as_csv[0]) == counts(as_parquet[0])
    assert len(plan_of(as_csv[1])) == 27
    assert plan_of(as_csv[1]) == plan_of(as_parquet[1])


def test_sizes_of_one_product_share_a_request_and_colours_do_not() -> None:
    keys = {slot: key for slot, key, _ in plan_of(read(LOOKALIKE)[1])}
    rows = [row["sku"] for one in read(LOOKALIKE)[1] for row in one.table.to_pylist()]
    by_sku = dict(zip(rows, keys.values(), strict=True))
    assert by_sku["ridge-boot-40"] == by_sku["ridge-boot-44"]
    assert by_sku["signal-ring-Red"] != by_sku["signal-ring-Green"]
    assert len(set(keys.values())) < 27


def test_the_real_exports_lose_nothing(shared_catalogs: Path) -> None:
    for path in sorted(shared_catalogs.glob("*.csv")):
        ingest, batches = read(path)
        total, accepted, rejected, ignored = counts(ingest)
        assert total == accepted + rejected + ignored > 0
        skus = [row["sku"] for one in batches for row in one.table.select(["sku"]).to_pylist()]
        assert len(set(skus)) == len(skus) == accepted > 0
        assert rejected < 0.02 * total, [reject for one in batches for reject in one.rejects][:3]


# Awkward rows


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ({"sku": "", "title": "Mug"}, "sku", "sku is missing"),
        ({"title": "Mug"}, "sku", "sku is missing"),
        ({"sku": " \t ", "title": "Mug"}, "sku", "the SKU ' \\t ' holds invisible control characters"),
        ({"sku": "A"}, "title", "title is missing"),
        ({"sku": "A", "title": " \u00a0\n"}, "title", "title is missing"),
        ({"sku": "A\0B", "title": "Mug"}, "sku", "the SKU 'A\\x00B' holds invisible control characters"),
        ({"sku": "A\u202eB", "title": "Mug"}, "sku", "the SKU 'A\\u202eB' holds invisible control characters"),
        ({"sku": "\ufeffA", "title": "Mug"}, "sku", "the SKU '\\ufeffA' holds invisible control characters"),
        ({"sku": "x" * 201, "title": "Mug"}, "sku", "the SKU is longer than 200 characters"),
        ({"sku": MEGABYTE, "title": "Mug"}, "sku", "the SKU is longer than 200 characters"),
        ({"sku": "A", "title": MEGABYTE}, "title", "title is 1,000,000 characters long; the limit is 20,000"),
        ({"sku": "A", "title": "Mug", "color": "x" * 20_001}, "color", "color is 20,001 characters long; the limit is"),
        ({"sku": "A", "title": "Mug", "reference_image": "x" * 20_001}, "reference_image", "reference_image is 20,001"),
        ({"sku": "A", "title": "Mug", "width": "1000"}, "width", "the size '1000' is no multiple"),
        ({"sku": "A", "title": "N/A"}, "title", "title is missing: 'N/A' stands for no value"),
        ({"sku": "#REF!", "title": "Mug"}, "sku", "sku is missing: '#REF!' stands for no value"),
        ({"sku": "null", "title": "Mug"}, "sku", "sku is missing: 'null' stands for no value"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value)[:40],
)
def test_a_wrong_row_is_turned_away_by_row_column_and_reason(row: dict[str, str], column: str, reason: str) -> None:
    good = {"sku": "GOOD", "title": "Good"}
    table, [reject], ingest = ingest_batch(text_batch([good, row, {**good, "sku": "GOOD-2"}], CATALOGUE_COLUMNS))
    assert (reject.row, reject.column) == (2, column)
    assert reject.reason.startswith(reason)
    assert len(reject.reason) < 200
    assert reject.sku == (None if column == "sku" else "A")
    assert table["sku"].to_pylist() == ["GOOD", "GOOD-2"]
    assert counts(ingest) == (3, 2, 1, 0)


HOSTILE = ["../../etc", "a/b", "👟", "湯呑み", "'; DROP", "x" * 200, "{{ 7*7 }}", "-1", "NA-1", "👨‍👩‍👧"]


@pytest.mark.parametrize("sku", HOSTILE, ids=ascii)
def test_a_sku_may_be_any_visible_text(sku: str) -> None:
    table, rejects, _ = ingest_batch(text_batch([{"sku": f" {sku} ", "title": "Mug"}]))
    assert (table["sku"].to_pylist(), rejects) == ([sku], [])


def test_the_same_sku_twice_keeps_the_first_row() -> None:
    twins = [unicodedata.normalize("NFD", "Café-1"), unicodedata.normalize("NFC", "Café-1"), " Café-1"]
    table, rejects, _ = ingest_batch(text_batch([{"sku": sku, "title": str(place)} for place, sku in enumerate(twins)]))
    assert table["title"].to_pylist() == ["0"]
    assert [(reject.row, reject.sku, reject.column) for reject in rejects] == [
        (2, "Café-1", "sku"),
        (3, "Café-1", "sku"),
    ]
    assert rejects[0].reason == "the SKU 'Café-1' was given before, in row 1"


def test_skus_that_differ_by_case_are_kept_apart_with_a_warning() -> None:
    table, rejects, ingest = ingest_batch(
        text_batch([{"sku": sku, "title": "Mug"} for sku in ("mug-1", "MUG-1", "Mug-1", "x")])
    )
    assert (table.num_rows, rejects) == (4, [])
    assert ingest.warning_sentences() == [
        "2 × SKUs that differ from another one by upper and lower case only; they are kept apart: 'MUG-1' in row 2,"
        " 'Mug-1' in row 3"
    ]


def test_a_sku_that_cannot_be_read_takes_no_other_rows_place() -> None:
    rows = [{"sku": "A\0", "title": "Fake"}, {"sku": "A", "title": "True"}, {"sku": "A", "title": "Late"}]
    table, rejects, _ = ingest_batch(text_batch(rows))
    assert table["title"].to_pylist() == ["True"]
    assert [(reject.row, reject.sku) for reject in rejects] == [(1, None), (3, "A")]


def test_a_duplicate_sku_is_rejected_even_if_the_first_row_was_rejected() -> None:
    table, rejects, _ = ingest_batch(text_batch([{"sku": "A", "title": ""}, {"sku": "A", "title": "Mug"}]))
    assert table.num_rows == 0
    assert [reject.reason for reject in rejects] == ["title is missing", "the SKU 'A' was given before, in row 1"]


def test_a_row_has_to_have_a_sku_whatever_the_recipe_requires() -> None:
    table, rejects, _ = ingest_batch(
        text_batch([{"sku": "", "title": "Mug"}, {"sku": "A", "title": ""}]), recipe_with({"required": []})
    )
    assert table["sku"].to_pylist() == ["A"]
    assert [(reject.row, reject.reason) for reject in rejects] == [(1, "sku is missing")]


def test_rejects_come_in_the_sources_order() -> None:
    rows = [{"sku": "A", "title": "x", "width": "70"}, {"sku": "B", "title": ""}, {"sku": "A"}, {"sku": "C\0"}]
    _, rejects, _ = ingest_batch(text_batch(rows, CATALOGUE_COLUMNS))
    assert [reject.row for reject in rejects] == [1, 2, 3, 4]


# Inheriting and ignoring

FAMILY = recipe_with({"inherit": {"by": "group", "fields": ["title", "color"]}, "ignore_when_empty": ["size", "price"]})


def test_empty_fields_are_filled_from_the_first_row_of_the_parent_that_has_them() -> None:
    rows = [
        {"sku": "S", "group": "shirt", "size": "S"},
        {"sku": "M", "group": "shirt", "size": "M", "title": "Oxford Shirt"},
        {"sku": "L", "group": " shirt ", "size": "L", "title": "Big Shirt", "color": "white"},
        {"sku": "X", "group": "other", "size": "X", "title": "Scarf"},
        {"sku": "N", "size": "N", "title": ""},
        {"sku": "", "group": "shirt", "size": " "},
    ]
    table, rejects, ingest = ingest_batch(text_batch(rows, ["sku", "title", "color", "group", "size", "price"]), FAMILY)
    assert table.select(["sku", "title", "color"]).to_pylist() == [
        {"sku": "S", "title": "Oxford Shirt", "color": "white"},
        {"sku": "M", "title": "Oxford Shirt", "color": "white"},
        {"sku": "L", "title": "Big Shirt", "color": "white"},
        {"sku": "X", "title": "Scarf", "color": ""},
    ]
    assert [(reject.row, reject.column) for reject in rejects] == [(5, "title")]
    assert counts(ingest) == (6, 4, 1, 1)


def test_a_source_of_nothing_but_images_is_all_ignored() -> None:
    table, rejects, ingest = ingest_batch(
        text_batch([{"sku": "A", "title": "x", "group": "", "size": "", "price": " "}] * 3), FAMILY
    )
    assert (table.num_rows, rejects) == (0, [])
    assert counts(ingest) == (3, 0, 0, 3)


def test_only_the_needed_columns_are_asked_for() -> None:
    ingest = RowValidator(FAMILY, ["sku", "title", "color", "group", "size", "price", "secret", "ebitda"])
    assert ingest.needed_columns == ["sku", "title", "color", "size", "price", "group"]


# Any table at all

CELL = st.one_of(
    st.none(),
    st.sampled_from(["", "A", "a", "B", " A ", "e\u0301", "é", "A\0", "512", "7", "high", "front", "x" * 201]),
    st.text(max_size=6),
)
COLUMNS = ("sku", "title", "width", "views", "priority", "group", "size", "price")
TABLES = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELL)), max_size=9)


@settings(max_examples=60, deadline=None)
@given(rows=TABLES, recipe=st.sampled_from([RECIPE, FAMILY]), rows_a_batch=st.integers(1, 7))
def test_nothing_is_lost_and_the_batches_size_does_not_matter(
    rows: list[dict[str, str | None]], recipe: object, rows_a_batch: int
) -> None:
    batch = text_batch(rows, COLUMNS)
    whole = ingest_batch(batch, recipe)  # type: ignore[arg-type]
    parts = ingest_batch(batch, recipe, rows_a_batch)  # type: ignore[arg-type]
    assert counts(whole[2]) == counts(parts[2])
    assert (whole[0].to_pylist(), whole[1]) == (parts[0].to_pylist(), parts[1])
    assert whole[2].warning_sentences() == parts[2].warning_sentences()
    total, accepted, rejected, ignored = counts(whole[2])
    assert total == len(rows) == accepted + rejected + ignored
    assert len(whole[1]) == rejected
    for reject in whole[1]:
        assert 1 <= reject.row <= total
        assert reject.column in CATALOGUE_COLUMNS
        assert reject.reason
    skus = whole[0]["sku"].to_pylist() if rows else []
    assert len(set(skus)) == len(skus) == accepted
    assert all(skus)
