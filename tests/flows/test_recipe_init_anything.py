"""Whatever table is handed in, `recipe init` gives a recipe that plans, or one sentence: never a traceback."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogs.errors import InputError
from catalogs.recipe.loading import load_recipe
from catalogs.recognition.export_kinds import ExportKind, export_kinds
from flows.recipe_init import make_recipe
from infra.errors import UnreadableSource
from infra.settings import Settings

MARKS = sorted({name for kind in export_kinds() for group in (*kind.header.all, kind.header.any) for name in group})
NAMES = st.one_of(
    st.sampled_from(
        ["sku", "title", "name", "Farbe", "商品名", "width", "views", "seed", "prompt", "Größe", "price", ""]
    ),
    st.sampled_from(MARKS),
    st.text(max_size=8),
)
VALUES = st.one_of(
    st.sampled_from(
        ["", "A-1", "A-2", "red", "Oak tray", "1", "0", "active", "simple", "N/A", "id:7", "<b>x</b>", "5e+12"]
    ),
    st.text(max_size=12),
)
Table = tuple[list[str], list[list[str]]]


def filled(names: list[str]) -> st.SearchStrategy[Table]:
    row = st.lists(VALUES, min_size=len(names), max_size=len(names))
    return st.tuples(st.just(names), st.lists(row, min_size=1, max_size=6))


def with_sku_and_title(table: Table) -> Table:
    names, rows = table
    return ["sku", "title", *names], [[f"S-{at}", f"Oak tray {at}", *row] for at, row in enumerate(rows)]


def vendors_names(kind: ExportKind) -> list[str]:
    """Return every column that a vendor's file speaks of."""
    rules = [rule.columns[0] for rule in kind.only] + list(kind.inherit.by[:1] if kind.inherit else ())
    groups = [group[0] for group in (*kind.header.all, *kind.columns.values())]
    names = dict.fromkeys([*groups, *kind.header.any[:1], *rules, *kind.fill_down])
    return [name.replace("{locale}", "en").replace("{scope}", "web") for name in names if "{{" not in name]


TABLES = st.one_of(
    st.lists(NAMES, min_size=1, max_size=9).flatmap(filled),
    st.lists(NAMES, max_size=7).flatmap(filled).map(with_sku_and_title),
    st.sampled_from(export_kinds()).map(vendors_names).flatmap(filled),
)


def try_table(table: Table, separator: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([table[0], *table[1]])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.csv"
        file.write_text(text.getvalue(), "utf-8", errors="replace")
        try:
            new = make_recipe(str(file), [], Settings(), 3)
        except (InputError, UnreadableSource):
            return  # each is a sentence for a person
    assert load_recipe(new.text, "shop.yaml") == new.recipe
    rows = new.document()["rows"]
    assert rows["input"] == rows["accepted"] + rows["rejected"] + rows["ignored"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TABLES, st.sampled_from(",;\t|"))
def test_any_table_gives_a_recipe_or_a_sentence(table: Table, separator: str) -> None:
    try_table(table, separator)


@pytest.mark.long(seconds=60, explores=True)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TABLES, st.sampled_from(",;\t|"))
def test_many_tables_give_a_recipe_or_a_sentence(table: Table, separator: str) -> None:
    try_table(table, separator)
