"""A set of 16-byte digests answers as a set of the names themselves would."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.indexes.digest_set import DigestMap, DigestSet, FirstOccurrenceFilter, row_digests, text_digests

names = st.lists(st.text(max_size=12), max_size=40)


@settings(deadline=None)
@given(names, names, names)
def test_it_answers_like_a_set_of_texts_whatever_is_added_when(
    first: list[str], second: list[str], queries: list[str]
) -> None:
    digests = DigestSet()
    digests.add(text_digests(first))
    assert digests.contains(text_digests(queries)).tolist() == [name in set(first) for name in queries]
    digests.add(text_digests(second))
    assert digests.contains(text_digests(queries)).tolist() == [name in {*first, *second} for name in queries]
    assert len(digests) == len(first) + len(second)


@settings(deadline=None)
@given(names, st.lists(names, max_size=4))
def test_each_name_of_a_set_is_met_for_the_first_time_once(among: list[str], batches: list[list[str]]) -> None:
    digests = DigestSet()
    digests.add(text_digests(among))
    firsts, met = FirstOccurrenceFilter(digests), set[str]()
    for batch in batches:
        expected = []
        for name in batch:
            expected.append(name in among and name not in met)
            met.add(name)
        assert firsts.first_occurrences(text_digests(batch)).tolist() == expected


def test_a_name_is_found_where_it_was_added_first() -> None:
    digests = DigestSet()
    digests.add(text_digests(["a", "b", "a", "c"]))
    assert digests.find(text_digests(["a", "c", "d"])).tolist() == [0, 3, -1]


def test_a_column_of_texts_and_the_texts_have_the_same_digests() -> None:
    texts = ["published/shoes/ä.jpg", "", "x"]
    assert row_digests(pa.array(texts)) == text_digests(texts)


def test_every_column_of_a_row_counts_and_so_does_its_place() -> None:
    def row(*values: bytes | str | None) -> bytes:
        return row_digests(
            *(pa.array([value], pa.binary() if isinstance(value, bytes) else pa.string()) for value in values)
        )

    assert len({row(b"a", "b"), row(b"b", "a"), row(b"a", "c"), row(b"ab", ""), row(b"", "ab")}) == 5
    assert row(b"a", None) == row(b"a", "")
    assert len(row(b"a")) == 16


def test_a_map_finds_the_value_that_was_added_first() -> None:
    positions: DigestMap[str] = DigestMap()
    positions.add(text_digests(["a", "b", "a"]), ["one", "two", "three"])
    positions.add(text_digests(["c", "b"]), ["one", "four"])
    assert positions.find(text_digests(["a", "b", "c", "d"])) == ["one", "two", "one", None]
    assert DigestMap[str]().find(text_digests(["a"])) == [None]
    with pytest.raises(ValueError, match="give one for each"):
        positions.add(text_digests(["e"]), ["one", "two"])
