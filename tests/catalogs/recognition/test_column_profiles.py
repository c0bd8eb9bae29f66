"""Profiles tell names, words, numbers and links apart, in scripts with and without spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.recognition.column_profiles import profile


def test_empty_cells_count_only_as_not_filled() -> None:
    one = profile(["A-1", "", "A-2", "  "])
    assert (one.rows, one.filled, one.distinct, one.is_unique) == (4, 0.5, 1.0, True)


def test_a_column_without_values_is_neither_unique_nor_constant() -> None:
    one = profile(["", " "])
    assert (one.filled, one.is_unique, one.is_constant) == (0.0, False, False)


def test_one_value_in_three_rows_is_constant_and_in_two_it_is_not() -> None:
    assert profile(["EUR"] * 3).is_constant
    assert not profile(["EUR"] * 2).is_constant
    assert not profile(["EUR", "EUR", "USD"]).is_constant


@pytest.mark.parametrize("text", ["24.00", "24,00 EUR", "1 234,50", "€ 3", "2026-01-02", "3/14/25, 9:05 AM", "5.9E+12"])
def test_prices_dates_and_exponents_are_numbers(text: str) -> None:
    assert profile([text]).numbers == 1


@pytest.mark.parametrize("text", ["Oak tray", "MUG-01", "A4", "木のトレイ"])
def test_names_and_titles_are_no_numbers(text: str) -> None:
    assert profile([text]).numbers == 0


def test_links_and_html_are_seen() -> None:
    assert profile(["https://example.com/a", "b.jpg", "//cdn.example/c.webp?x=1"]).links == 1
    assert profile(["<p>Soft</p>", "5 < 6"]).html == 0.5


def test_words_are_counted_without_spaces_too() -> None:
    assert profile(["Oak serving tray, large 40"]).words == 4
    assert profile(["ステンレスマグカップ 青"]).words > 2


@given(st.lists(st.text(max_size=30), max_size=30))
def test_shares_are_shares_for_any_texts(values: list[str]) -> None:
    one = profile(values)
    for share in (one.filled, one.distinct, one.numbers, one.links, one.html):
        assert 0 <= share <= 1
