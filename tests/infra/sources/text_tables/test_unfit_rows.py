"""Rows that are not as wide as the header: what is damage, and what is only a separator too many."""

from types import SimpleNamespace

import pytest

from infra.sources.text_tables import unfit_rows
from infra.sources.text_tables.dialects import DOUBLED, Dialect
from infra.sources.text_tables.unfit_rows import UnfitRows


def rows() -> UnfitRows:
    return UnfitRows(Dialect(";", DOUBLED, ("sku", "title"), 1, 10), 2, 2)


def row(number: int, text: str) -> SimpleNamespace:
    return SimpleNamespace(number=number, text=text, actual_columns=text.count(";") + 1)


def test_only_rows_with_nothing_beyond_the_last_column_are_kept() -> None:
    unfit = rows()
    for number, text in enumerate(["1;Mug;;", '2;"Mug";" ";', "3;Mug;x", "4", "5;;;6", "6;;"], 1):
        assert unfit.add(row(number, text)) == "skip"
    assert unfit.repaired == {1: ["1", "Mug"], 2: ["2", "Mug"], 6: ["6", ""]}
    assert unfit.widths == {3: 3, 4: 1, 5: 4}


def test_only_columns_without_a_name_may_be_left_out() -> None:
    unfit = UnfitRows(Dialect(";", DOUBLED, ("sku", "title", "", ""), 1, 12), 4, 2)
    for number, text in enumerate(["1;Mug", '2;"Mug; ""red"""', "3", "4;Mug;x"], 1):
        unfit.add(SimpleNamespace(number=number, text=text, actual_columns=(2, 2, 1, 3)[number - 1]))
    assert unfit.repaired == {1: ["1", "Mug", "", ""], 2: ["2", 'Mug; "red"', "", ""], 4: ["4", "Mug", "x", ""]}
    assert unfit.widths == {3: 1}


def test_the_end_is_a_row_that_no_file_can_hold() -> None:
    unfit, other = rows(), rows()
    assert unfit.ending != other.ending
    unfit.add(row(1, other.ending.decode()))
    assert not unfit.is_ended
    unfit.add(row(2, unfit.ending.decode()))
    assert unfit.is_ended


def test_too_many_at_once_are_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfit_rows, "MAX_PENDING_ROWS", 2)
    unfit = rows()
    assert [unfit.add(row(number, "x")) for number in range(3)] == ["skip", "skip", "error"]
    assert unfit.are_too_many
