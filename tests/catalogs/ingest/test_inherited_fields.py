"""Rows take what they lack from their parents, and a rule that finds nothing says so."""

from tests.fixtures.sample_recipe import ingest_batch, recipe_with, text_batch

COLUMNS = ["sku", "ID", "title", "category", "Parent"]
WOO = [
    {"sku": "TEE", "ID": "101", "title": "Tee", "category": "Clothing"},
    {"sku": "TEE-S", "ID": "102", "title": "Tee - S", "Parent": "TEE"},
    {"sku": "TEE-M", "ID": "103", "title": "Tee - M", "Parent": "TEE"},
    {"sku": "ST-1", "ID": "111", "title": "Stool - 1", "Parent": "id:110"},
    {"sku": "ST", "ID": "110", "title": "Stool", "category": "Furniture"},
]


def inherited(rule: dict[str, object], rows: list[dict[str, str]] = WOO) -> tuple[list[str], list[str]]:
    recipe = recipe_with({"inherit": {"by": "Parent", "fields": ["category"], **rule}})
    table, rejects, ingest = ingest_batch(text_batch(rows, COLUMNS), recipe, 2)
    assert rejects == []
    return table["category"].to_pylist(), ingest.warning_sentences()


def test_variations_take_what_they_lack_from_the_row_they_name() -> None:
    assert inherited({"from": ["sku", "ID"]}) == (
        ["Clothing", "Clothing", "Clothing", "Furniture", "Furniture"],
        [],
    )


def test_a_rule_that_fills_nothing_says_so() -> None:
    values, [sentence] = inherited({})
    assert values == ["Clothing", "", "", "", "Furniture"]
    assert sentence.startswith("`inherit` filled nothing: rows with the same value in 'Parent' lack the same fields.")
    assert sentence.endswith("by which column of that row: `from: SKU`")


def test_rows_whose_parent_is_not_there_are_counted_and_shown() -> None:
    _, [sentence] = inherited({"from": "sku"})
    assert sentence == "1 × 'Parent' names a row that is not there (by 'sku'): 'id:110' in row 4"


def test_products_without_siblings_are_nothing_odd() -> None:
    rows = [{"sku": str(number), "title": "Mug", "Parent": str(number)} for number in range(5)]
    assert inherited({}, [*rows, {"sku": "x", "title": "Mug", "category": "Cups", "Parent": "x"}])[1] == []


def test_a_field_that_no_row_fills_is_nothing_odd() -> None:
    rows = [{"sku": str(number), "title": "Mug", "Parent": "mugs"} for number in range(5)]
    assert inherited({}, rows)[1] == []


def test_a_filter_sees_what_the_parent_has() -> None:
    # A Shopify export says the status of a product in its first row only.
    recipe = recipe_with({"inherit": {"by": "Handle", "fields": ["title"]}, "only": {"Status": ["active", ""]}})
    rows = [
        {"sku": "1", "Handle": "mug", "title": "Mug", "Status": "draft"},
        {"sku": "2", "Handle": "mug"},
        {"sku": "3", "Handle": "cup", "title": "Cup", "Status": "active"},
        {"sku": "4", "Handle": "cup"},
    ]
    table, rejects, ingest = ingest_batch(text_batch(rows, ["sku", "Handle", "title", "Status"]), recipe, 3)
    assert (table["sku"].to_pylist(), rejects, ingest.counts.ignored) == (["3", "4"], [], 2)
