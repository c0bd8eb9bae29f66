"""Every column has a name of its own."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from infra.sources.text_tables.column_names import unique_names


def test_doubled_and_missing_names_are_told_apart_by_number() -> None:
    names, doubled = unique_names(["", "sku", "tags", "tags", "", "tags"])
    assert names == ["column 1", "sku", "tags", "tags (2)", "column 5", "tags (3)"]
    assert doubled == {"tags": 3}


def test_a_name_that_a_column_has_is_not_given_to_another() -> None:
    names, _ = unique_names(["a", "a (2)", "a", "column 4", ""])
    assert names == ["a", "a (2)", "a (3)", "column 4", "column 5"]


@given(st.lists(st.sampled_from(["", "a", "a (2)", "a (3)", "column 2", "column 3", "b"]), max_size=12))
def test_names_are_unique_and_those_that_stand_alone_are_kept(header: list[str]) -> None:
    names, doubled = unique_names(header)
    assert len(set(names)) == len(names) == len(header)
    assert "" not in names
    counts = Counter(header)
    assert all(name == cell for name, cell in zip(names, header, strict=True) if cell and counts[cell] == 1)
    assert doubled == {name: count for name, count in counts.items() if name and count > 1}
