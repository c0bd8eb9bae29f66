"""Parquet as one file, as a folder and damaged; in memory that does not grow with the file."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import UnreadableSource
from infra.sources import BATCH_ROWS, open_source, parquet_files


def rows_of(path: Path) -> list[dict[str, object]]:
    return [row for batch in open_source(str(path)).batches() for row in batch.rows.to_pylist()]


def test_types_stay_as_the_file_has_them(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    table = pa.table(
        {
            "sku": pa.array([1, 2]),
            "title": pa.array(["Lamp", None]).dictionary_encode(),
            "views": pa.array([["front", "side"], None], pa.list_(pa.string())),
            "price": pa.array([1.5, None]),
            "created_at": pa.array([moment, None], pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    (batch,) = open_source(str(tmp_path / "a.parquet")).batches()
    assert batch.numbers.to_pylist() == list(range(1, table.num_rows + 1))
    assert batch.rows.schema == table.schema
    assert batch.rows.to_pylist() == table.to_pylist()


def test_names_with_dots_and_slashes_are_columns_like_others(tmp_path: Path) -> None:
    table = pa.table({"price.eur": [1], "price": [2], "Google Shopping / MPN": ["x"]})
    pq.write_table(table, tmp_path / "a.parquet")
    source = open_source(str(tmp_path / "a.parquet"))
    (batch,) = (found.rows for found in source.batches(["price", "price.eur"]))
    assert batch.to_pylist() == [{"price": 2, "price.eur": 1}]


def test_wide_rows_come_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "BATCH_BYTES", 1 << 20)
    table = pa.table({"sku": list(range(40)), "title": [f"{number}" + "x" * 100_000 for number in range(40)]})
    pq.write_table(table, tmp_path / "a.parquet", compression=None, use_dictionary=False)
    batches = list(open_source(str(tmp_path / "a.parquet")).batches())
    assert max(batch.rows.num_rows for batch in batches) <= 10
    assert [batch.numbers[0].as_py() for batch in batches] == [
        1 + sum(batch.rows.num_rows for batch in batches[:number]) for number in range(len(batches))
    ]
    assert [row for batch in batches for row in batch.rows["sku"].to_pylist()] == list(range(40))


def test_a_row_group_larger_than_a_batch_is_split(tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": range(BATCH_ROWS + 10)}), tmp_path / "a.parquet", row_group_size=BATCH_ROWS + 10)
    shape = [
        (batch.numbers[0].as_py(), batch.rows.num_rows) for batch in open_source(str(tmp_path / "a.parquet")).batches()
    ]
    assert shape == [(1, BATCH_ROWS), (BATCH_ROWS + 1, 10)]


def test_a_truncated_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"sku": range(1000)}), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UnreadableSource, match=r"begins as Parquet but its end is missing \(cut off\?\)"):
        open_source(str(path))


def test_a_damaged_footer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"sku": range(1000)}), path)
    content = bytearray(path.read_bytes())
    content[-60:-8] = b"\xff" * 52
    path.write_bytes(content)
    with pytest.raises(UnreadableSource, match=r"a\.parquet' (cannot be read|is damaged); export it again"):
        open_source(str(path))


def test_a_damaged_row_group_is_named_after_the_whole_ones_were_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"sku": [f"SKU-{number}-{number * 7919}" for number in range(3000)]})
    pq.write_table(table, path, row_group_size=1000, compression="snappy", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    batches = open_source(str(path)).batches()
    batch = next(batches)
    assert (batch.numbers[0].as_py(), batch.rows.num_rows) == (1, 1000)
    with pytest.raises(UnreadableSource, match=r"Row group 2 of 3 of '.*a.parquet'"):
        next(batches)


def test_text_that_is_not_utf8_is_refused_where_it_stands(tmp_path: Path) -> None:
    words = pa.Array.from_buffers(pa.string(), 1, pa.array([b"Gr\xf6\xdfe"]).buffers())
    pq.write_table(pa.table({"title": words}), tmp_path / "a.parquet")
    with pytest.raises(UnreadableSource, match=r"Row group 1 of 1 of .*UTF8"):
        rows_of(tmp_path / "a.parquet")


def test_a_doubled_column_is_named_once_it_is_read(tmp_path: Path) -> None:
    arrays = [pa.array([number]) for number in range(4)]
    pq.write_table(pa.Table.from_arrays(arrays, names=["sku", "x", "x", ""]), tmp_path / "a.parquet")
    source = open_source(str(tmp_path / "a.parquet"))
    assert source.columns == ("sku", "x", "")
    assert [batch.rows.to_pylist() for batch in source.batches(["sku", ""])] == [[{"sku": 0, "": 3}]]
    with pytest.raises(UnreadableSource, match="more than one column 'x'; keep one"):
        list(source.batches(["sku", "x"]))


def write_parts(folder: Path, column: str, *parts: pa.Array) -> None:
    for number, part in enumerate(parts):
        pq.write_table(pa.table({"sku": [f"{number}"] * len(part), column: part}), folder / f"{number}.parquet")


def test_types_that_cannot_agree_name_both_files_once_the_column_is_read(tmp_path: Path) -> None:
    write_parts(tmp_path, "price", pa.array([1]), pa.nulls(1), pa.array(["2"]))
    source = open_source(str(tmp_path))
    assert [row["sku"] for batch in source.batches(["sku"]) for row in batch.rows.to_pylist()] == ["0", "1", "2"]
    words = r"'price' is int64 in '.*0\.parquet' and string in '.*2\.parquet', .*; write it in one type in all files"
    with pytest.raises(UnreadableSource, match=words):
        list(source.batches(["price"]))


@pytest.mark.parametrize(
    ("parts", "values"),
    [
        ((pa.array([1], pa.int32()), pa.array([2], pa.int64()), pa.array([3], pa.uint64())), [1, 2, 3]),
        ((pa.array([4006381333931]), pa.array([4006381333931.0, None])), [4006381333931, 4006381333931, None]),
        ((pa.array([["a"]]), pa.array([["b"]], pa.large_list(pa.large_string()))), [["a"], ["b"]]),
    ],
)
def test_numbers_and_lists_that_are_stored_differently_agree(tmp_path: Path, parts: object, values: object) -> None:
    write_parts(tmp_path, "x", *parts)  # type: ignore[misc]
    assert [row["x"] for row in rows_of(tmp_path)] == values


def test_a_column_that_some_files_lack_is_empty_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": ["1", "2"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"sku": ["3"], "color": ["red"]}), tmp_path / "b.parquet")
    source = open_source(str(tmp_path))
    assert [row["color"] for row in rows_of(tmp_path)] == [None, None, "red"]
    assert [batch.rows.to_pylist() for batch in source.batches(["color"])] == [
        [{"color": None}, {"color": None}],
        [{"color": "red"}],
    ]


def test_a_path_reads_a_part_of_a_nested_column(tmp_path: Path) -> None:
    names = [[{"tag": "en", "value": "Sofa"}, {"tag": "es", "value": "Sofá"}], None, []]
    size = [{"w": 1.5, "note": None}, None, {"w": None, "note": None}]
    pq.write_table(pa.table({"sku": ["1", "2", "3"], "name": names, "size": size}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"sku": ["4"], "name": [[{"value": "Bed"}]]}), tmp_path / "b.parquet")
    source = open_source(str(tmp_path))
    wanted = ["name[0].value", "name[tag=es].value", "size.w", "size.note"]
    assert source.columns_and_paths(["sku", *wanted, "size.h", "other.x"]) == ("sku", "name", "size", *wanted)
    rows = [tuple(row.values()) for batch in source.batches(wanted) for row in batch.rows.to_pylist()]
    assert rows == [("Sofa", "Sofá", 1.5, None), (None,) * 4, (None,) * 4, ("Bed", None, None, None)]


def test_s7_an_inner_list_is_as_bounded_as_an_outer_one(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [{"b": [[{"c": 1}] * 10_001]}]}), tmp_path / "a.parquet")
    with pytest.raises(UnreadableSource, match="a row has a list of more than 10,000 values"):
        list(open_source(str(tmp_path / "a.parquet")).batches(["a.b[0][0].c"]))


def test_a_column_without_values_takes_the_type_that_other_files_give(tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": ["1"], "price": pa.nulls(1)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"price": [2], "sku": ["2"]}), tmp_path / "b.parquet")
    assert rows_of(tmp_path) == [{"sku": "1", "price": None}, {"sku": "2", "price": 2}]


def test_ways_of_storing_text_do_not_make_files_differ(tmp_path: Path) -> None:
    for name, kind in {"a": pa.string(), "b": pa.large_string(), "c": pa.dictionary(pa.int32(), pa.string())}.items():
        pq.write_table(pa.table({"sku": pa.array([name]).cast(kind)}), tmp_path / f"{name}.parquet")
    batches = [batch.rows for batch in open_source(str(tmp_path)).batches()]
    assert {batch.schema.field("sku").type for batch in batches} == {pa.string()}
    assert rows_of(tmp_path) == [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}]


def test_a_file_without_rows_is_a_table(tmp_path: Path) -> None:
    empty = pa.array([], pa.string())
    pq.write_table(pa.table({"sku": empty, "title": empty}), tmp_path / "a.parquet")
    source = open_source(str(tmp_path / "a.parquet"))
    assert (source.row_count(), list(source.batches())) == (0, [])


def test_a_value_of_a_megabyte_costs_no_other_row(tmp_path: Path) -> None:
    table = pa.table({"sku": ["1", "2", "3"], "title": ["Lamp", "x" * (1 << 20), "Desk"]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert rows_of(tmp_path / "a.parquet") == table.to_pylist()


def test_s7_a_text_in_every_row_is_decoded_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "BATCH_BYTES", 1 << 20)
    titles = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000, pa.int32()), pa.array(["x" * 100_000]))
    pq.write_table(pa.table({"title": titles.cast(pa.string())}), tmp_path / "a.parquet", compression="zstd")
    batches = [batch.rows for batch in open_source(str(tmp_path / "a.parquet")).batches()]
    assert sum(batch.num_rows for batch in batches) == 1_000
    assert max(batch.num_rows for batch in batches) == 10
    assert {batch.schema.field("title").type for batch in batches} == {pa.string()}


def test_s7_what_a_file_decodes_to_is_bounded_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "GROWTH_WITHOUT_QUESTION", 1_000)
    monkeypatch.setattr(parquet_files, "MAX_GROWTH", 20)
    pq.write_table(pa.table({"title": ["x" * 10_000] * 1_000}), tmp_path / "a.parquet")
    with pytest.raises(UnreadableSource, match="since its file decodes to more than 20 times"):
        rows_of(tmp_path / "a.parquet")


def test_s7_more_rows_than_bytes_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "ROWS_WITHOUT_QUESTION", 1_000)
    pq.write_table(pa.table({"sku": pa.nulls(5_000, pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(UnreadableSource, match=r"it claims 5,000 rows in [\d,]+ bytes"):
        open_source(str(tmp_path / "a.parquet"))


def test_a_column_of_structs_is_refused_before_it_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": ["1"], "size": [{"width": 1}]}), tmp_path / "a.parquet")
    source = open_source(str(tmp_path / "a.parquet"))
    assert len(list(source.batches(["sku"]))) == 1
    with pytest.raises(UnreadableSource, match=r"'size' of .* holds struct<width: int64>, .*such as 'size\.width'"):
        list(source.batches(["size"]))


def test_what_can_be_read_leaves_out_what_has_no_one_meaning(tmp_path: Path) -> None:
    names = [[{"tag": "en", "value": "Sofa"}]]
    arrays = [pa.array(["1"]), pa.array([1]), pa.array([2]), pa.array(names), pa.array([5])]
    table = pa.Table.from_arrays(arrays, names=["sku", "x", "x", "name", "price"])
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(pa.table({"sku": ["2"], "price": ["5"], "size": [{"w": 1}]}), tmp_path / "b.parquet")
    source = open_source(str(tmp_path))
    assert source.columns == ("sku", "x", "name", "price", "size")
    assert source.readable == ("sku", "name[0].value", "name[0].tag", "size.w")
    assert [tuple(row.values()) for row in rows_of(tmp_path)] == [("1", "Sofa", "en", None), ("2", None, None, 1)]


def test_text_that_is_stored_in_any_way_comes_back_as_text(tmp_path: Path) -> None:
    texts = pa.array(["Lamp", None, "Desk"])
    columns = {
        "large": texts.cast(pa.large_string()),
        "view": texts.cast(pa.string_view()),
        "bytes": texts.cast(pa.binary()),
        "large_list": pa.array([["a"], None, ["b", "a"]], pa.large_list(pa.string())),
        "wide": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert rows_of(tmp_path / "a.parquet") == pa.table(columns).to_pylist()
