"""One reader for all kinds: the same rows, the same numbers, as often as asked."""

import csv
import json
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from infra.errors import UnreadableSource
from infra.sources import BATCH_ROWS, Source, open_source
from infra.sources.source_files import list_source_files
from infra.stores.s3_client import S3Access

ROWS = [{"sku": f"S{number}", "title": f"Lamp {number}", "category": "ab"[number % 2]} for number in range(7)]


def written(kind: str, folder: Path) -> str:
    path = folder / f"catalogue.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=3)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(ROWS[0]))
            writer.writeheader()
            writer.writerows(ROWS)
    return str(path)


def rows_of(source: Source) -> list[dict[str, object]]:
    return [row for batch in source.batches() for row in batch.rows.to_pylist()]


@pytest.mark.parametrize(("kind", "rows"), [("parquet", 7), ("jsonl", 7), ("csv", None)])
def test_every_kind_gives_the_same_rows_and_can_be_read_twice(kind: str, rows: int | None, tmp_path: Path) -> None:
    source = open_source(written(kind, tmp_path))
    assert source.columns == ("sku", "title", "category")
    assert source.row_count() == rows
    assert rows_of(source) == ROWS
    assert rows_of(source) == ROWS


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_only_the_named_columns_come_in_the_named_order(kind: str, tmp_path: Path) -> None:
    source = open_source(written(kind, tmp_path))
    names = {tuple(batch.rows.schema.names) for batch in source.batches(["title", "sku"])}
    assert names == {("title", "sku")}


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(kind: str, tmp_path: Path) -> None:
    source = open_source(written(kind, tmp_path))
    with pytest.raises(UnreadableSource, match="has no column 'colour'; it has sku, title, category"):
        source.batches(["colour"])


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_rows_are_numbered_over_all_files_of_a_folder(kind: str, tmp_path: Path) -> None:
    for name in ("part-1", "part-0", "deeper/part-2"):
        (tmp_path / name).mkdir(parents=True)
        written(kind, tmp_path / name)
    source = open_source(str(tmp_path))
    numbers = [number for batch in source.batches(["sku"]) for number in batch.numbers.to_pylist()]
    assert numbers == list(range(1, 22))
    assert rows_of(source) == ROWS * 3


def test_hive_partitions_are_text_columns_behind_the_others(tmp_path: Path) -> None:
    ds.write_dataset(pa.Table.from_pylist(ROWS), tmp_path, format="parquet", partitioning=["category"],
                     partitioning_flavor="hive")  # fmt: skip
    source = open_source(str(tmp_path))
    assert source.columns == ("sku", "title", "category")
    assert rows_of(source) == [row for letter in "ab" for row in ROWS if row["category"] == letter]
    batch, *_ = (found.rows for found in source.batches(["category", "sku"]))
    assert batch.schema == pa.schema([("category", pa.string()), ("sku", pa.string())])


def test_partitions_alone_still_have_every_row(tmp_path: Path) -> None:
    for day in ("1", "__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / f"day={day}").mkdir()
        written("csv", tmp_path / f"day={day}")
    batches = [batch.rows for batch in open_source(str(tmp_path)).batches(["day"])]
    assert [value for batch in batches for value in batch["day"].to_pylist()] == ["1"] * 7 + [None] * 7


def test_a_column_in_the_file_wins_over_the_folder_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "category=elsewhere").mkdir()
    written("parquet", tmp_path / "category=elsewhere")
    source = open_source(str(tmp_path))
    assert source.columns == ("sku", "title", "category")
    assert rows_of(source) == ROWS


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_urls_are_read_like_paths(kind: str, tmp_path: Path) -> None:
    path = Path(written(kind, tmp_path))
    memory = fsspec.filesystem("memory")
    memory.pipe_file(f"/opening-test/{path.name}", path.read_bytes())
    assert rows_of(open_source(f"file://{path}")) == ROWS
    assert rows_of(open_source(f"memory://opening-test/{path.name}")) == ROWS
    assert open_source("memory://opening-test").fingerprint() == open_source(str(tmp_path)).fingerprint()
    memory.rm("/opening-test", recursive=True)


def test_a_bucket_is_read_like_a_folder_and_known_by_its_etags(s3_url: str, tmp_path: Path) -> None:
    files = fsspec.filesystem("s3", **S3Access.from_environment().for_s3fs())
    content = Path(written("parquet", tmp_path)).read_bytes()
    for day in (1, 2):
        files.pipe_file(f"{s3_url}/day={day}/part.parquet", content)
    source = open_source(s3_url)
    assert source.columns == ("sku", "title", "category", "day")
    assert rows_of(source) == [{**row, "day": day} for day in "12" for row in ROWS]
    before = source.fingerprint()
    assert open_source(s3_url).fingerprint() == before
    files.pipe_file(f"{s3_url}/day=2/part.parquet", content + b"PAR1")
    assert list_source_files(s3_url).fingerprint() != before
    with pytest.raises(UnreadableSource, match="There is no file or folder"):
        open_source(f"{s3_url}/absent")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_no_batch_is_larger_than_the_limit(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    line = "1\n" if kind == "csv" else '{"sku": 1}\n'
    path.write_text(("sku\n" if kind == "csv" else "") + line * (BATCH_ROWS + 5))
    shape = [(batch.numbers[0].as_py(), batch.rows.num_rows) for batch in open_source(str(path)).batches()]
    assert max(rows for _, rows in shape) <= BATCH_ROWS
    assert sum(rows for _, rows in shape) == BATCH_ROWS + 5
    assert shape[-1][0] + shape[-1][1] == BATCH_ROWS + 6


def test_real_shop_exports_are_read_with_every_row(shared_catalogs: Path, tmp_path: Path) -> None:
    for path in sorted(shared_catalogs.glob("*.csv")):
        with path.open(newline="", encoding="utf-8-sig") as stream:
            expected = list(csv.DictReader(stream))
        assert rows_of(open_source(str(path))) == expected
        pq.write_table(pa.Table.from_pylist(expected), tmp_path / "a.parquet")
        assert rows_of(open_source(str(tmp_path / "a.parquet"))) == expected
