"""The index is one table whatever files it lies in, whoever folds it meanwhile, and whoever is killed in between."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.table_schemas import REVIEW_INDEX
from infra.errors import ObjectMissing
from infra.stores import open_store
from infra.stores.parquet_objects import write_table
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.reviews.review_index import fold_review_index, list_review_index, newest_rows, read_review_index

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SHOP = "shoes"
MAX_FILES = 3


@pytest.fixture(autouse=True)
def _few_files_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.reviews.review_index.MAX_FILES", MAX_FILES)


def rows_of(*names: str, days: int = 0, **changes: object) -> pa.Table:
    rows = [
        {"slot_id": name.encode(), "request_key": b"r", "finish_digest": "f", "sku": name, "why": "review",
         "asked_at": NOW + timedelta(days=days)} | changes
        for name in names
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, REVIEW_INDEX)


def fill(folder: Path, runs: int = MAX_FILES + 1) -> list[str]:
    store = open_store(str(folder))
    for number in range(runs):
        write_table(store, layout.review_index(SHOP, f"run-{number:03d}"), rows_of(f"sku-{number:03d}", days=number))
    return [f"sku-{number:03d}" for number in range(runs)]


def skus(folder: Path) -> list[str]:
    return sorted(read_review_index(open_store(str(folder)), SHOP)["sku"].to_pylist())


def test_a_few_files_are_left_and_many_become_one_with_the_same_rows(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    names = fill(tmp_path, MAX_FILES)
    assert fold_review_index(store, SHOP) == 0
    names = fill(tmp_path, MAX_FILES + 1)
    assert fold_review_index(store, SHOP) == MAX_FILES + 1
    assert len(list_review_index(store, SHOP)) == 1
    assert skus(tmp_path) == names


def test_of_two_rows_about_one_slot_and_request_the_newest_counts() -> None:
    rows = pa.concat_tables([rows_of("a", days=1, prompt="new"), rows_of("a", "b", prompt="old")])
    assert newest_rows(rows).select(["sku", "prompt"]).to_pylist() == [
        {"sku": "a", "prompt": "new"}, {"sku": "b", "prompt": "old"},
    ]  # fmt: skip


def test_a_fold_that_is_killed_at_any_operation_loses_and_doubles_nothing(tmp_path: Path) -> None:
    names = fill(tmp_path / "whole")
    whole = FaultInjector()
    fold_review_index(FaultyStore(open_store(str(tmp_path / "whole")), whole), SHOP)
    assert whole.operation_count > MAX_FILES
    for number in range(1, whole.operation_count + 1):
        folder = tmp_path / str(number)
        fill(folder)
        with pytest.raises(InjectedFault):
            fold_review_index(FaultyStore(open_store(str(folder)), FaultInjector(number)), SHOP)
        assert skus(folder) == names
        fold_review_index(open_store(str(folder)), SHOP)
        assert skus(folder) == names


def test_a_reader_that_listed_the_files_before_a_fold_finds_every_row(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    names = fill(tmp_path)
    listed = list_review_index(store, SHOP)
    fold_review_index(store, SHOP)
    assert sorted(read_review_index(store, SHOP, listed)["sku"].to_pylist()) == names


def test_an_index_that_never_holds_still_ends_in_an_error_and_not_in_a_wrong_answer(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    store = FaultyStore(open_store(str(tmp_path)), FaultInjector())
    store.find = lambda _: None  # type: ignore[method-assign] - as if every file went between listing and reading
    with pytest.raises(ObjectMissing, match="try again"):
        read_review_index(store, SHOP)


def test_an_index_of_an_older_version_has_nulls_in_the_newer_columns(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    old = rows_of("a").select(REVIEW_INDEX.names[:15])
    write_table(store, layout.review_index(SHOP, "old"), old)
    write_table(store, layout.review_index(SHOP, "new"), rows_of("b", severity=2.0))
    rows = {row["sku"]: row["severity"] for row in read_review_index(store, SHOP).to_pylist()}
    assert rows == {"a": None, "b": 2.0}
