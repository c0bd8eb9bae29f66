"""Rows are found by their reference, the one added last, whatever the hashes, and at the cost of the batch alone."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from infra.photos.photo_index import LISTING
from infra.photos.reference_search import ReferenceSearch

NAMES = st.text(alphabet="ab/é\0", max_size=4)


def rows(*pairs: tuple[str, str]) -> pa.Table:
    return pa.table([[name for name, _ in pairs], [version for _, version in pairs]], schema=LISTING)


def found(search: ReferenceSearch, *wanted: str) -> dict[str, str]:
    table = search.find(pa.array(wanted, pa.string()))
    names = table["reference"].to_pylist()
    assert len(set(names)) == len(names), "one row a reference"
    return dict(zip(names, table["version"].to_pylist(), strict=True))


def test_a_reference_is_found_in_its_newest_row_and_others_not_at_all() -> None:
    search = ReferenceSearch(rows(("a", "1"), ("b", "1")))
    search.add(rows(("b", "2")))
    search.add(rows(("b", "3"), ("c", "3")))
    assert found(search, "b", "z", "a") == {"a": "1", "b": "3"}
    assert search.find(pa.chunked_array([["c"], ["y"]])).to_pylist() == [{"reference": "c", "version": "3"}]
    assert search.count == 5
    assert found(search) == {}
    assert ReferenceSearch(LISTING.empty_table()).find(pa.array(["a"])).schema == LISTING


@given(
    st.lists(st.lists(NAMES, unique=True, max_size=12), max_size=6),
    st.lists(NAMES, unique=True, max_size=20),
    st.sampled_from([hash, len, lambda _: 7]),
    st.booleans(),
)
def test_what_is_found_is_what_a_dict_holds_also_where_many_texts_have_one_hash(
    tables: list[list[str]], wanted: list[str], hash_text: object, looks_between: bool
) -> None:
    search, known = ReferenceSearch(LISTING.empty_table(), hash_text), dict[str, str]()  # type: ignore[arg-type]
    for number, names in enumerate(tables):
        search.add(rows(*((name, str(number)) for name in names)))
        known |= dict.fromkeys(names, str(number))
        if looks_between:
            assert found(search, *wanted) == {name: known[name] for name in wanted if name in known}
    assert found(search, *wanted) == {name: known[name] for name in wanted if name in known}


def test_a_batch_costs_its_own_references_and_small_tables_are_joined_in_few_steps() -> None:
    hashed = list[str]()

    def hash_text(text: str) -> int:
        hashed.append(text)
        return hash(text)

    search = ReferenceSearch(rows(*((f"{number}", "1") for number in range(4096))), hash_text)
    found(search, "1", "2")
    assert len(hashed) == 4096 + 2
    found(search, "3", "4", "5")
    assert len(hashed) == 4096 + 5, "the table is not looked at again"
    for number in range(1024):
        search.add(rows((f"new {number}", "1")))
        found(search, f"new {number}")
    assert len(hashed) < 4096 + 5 + 1024 * 20, "each row is sorted again a few times, and not once a table"
