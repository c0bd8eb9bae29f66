"""Compressed files are read as what they hold, within bounds, and never as whole where they were cut off."""

import gzip
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.errors import UnreadableSource
from infra.sources import compression, open_source
from infra.sources.compression import Compression, compression_of, content_name, zip_members

TABLE = b"sku;title\n" + b"".join(b"%05d;Mug %d\n" % (number, number) for number in range(2000))


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def rows_of(path: Path, content: bytes) -> list[dict[str, object]]:
    path.write_bytes(content)
    return [row for batch in open_source(str(path)).batches() for row in batch.rows.to_pylist()]


PACKED = {
    "a.csv.gz": gzip.compress(TABLE),
    "a.csv.GZ": gzip.compress(TABLE[:100]) + gzip.compress(TABLE[100:]),
    "a.csv.zst": zstd(TABLE),
    "a.zip": zipped({"__MACOSX/._a.csv": b"x", "deep/a.csv": TABLE, "deep/": b"", ".DS_Store": b"x"}),
    "export.csv": gzip.compress(TABLE),
    "export.txt": zipped({"a.tsv": TABLE}),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_table_is_read_from_what_it_is_packed_in(name: str, tmp_path: Path) -> None:
    rows = rows_of(tmp_path / name, PACKED[name])
    assert (len(rows), rows[-1]) == (2000, {"sku": "01999", "title": "Mug 1999"})
    assert open_source(str(tmp_path / name)).notes[0].startswith("compressed by ")


def test_other_formats_are_read_too_and_parquet_from_its_end(tmp_path: Path) -> None:
    parquet = io.BytesIO()
    pq.write_table(pa.table({"sku": ["1"]}), parquet)
    assert rows_of(tmp_path / "a.parquet.gz", gzip.compress(parquet.getvalue())) == [{"sku": "1"}]
    assert rows_of(tmp_path / "a.zip", zipped({"a.parquet": parquet.getvalue()})) == [{"sku": "1"}]
    assert rows_of(tmp_path / "a.jsonl.zst", zstd(b'{"sku": "1"}\n')) == [{"sku": "1"}]


def test_an_archive_of_several_tables_is_read_like_a_folder(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.zip", zipped({"b.csv": b"sku,title\n2,Pot\n", "a.tsv": b"title\tsku\nMug\t1\n"}))
    assert rows == [{"title": "Mug", "sku": "1"}, {"title": "Pot", "sku": "2"}]
    with pytest.raises(UnreadableSource, match=r"a.zip/b.jsonl' is JSON lines and .*a.zip/a.csv' is a text table"):
        rows_of(tmp_path / "a.zip", zipped({"a.csv": TABLE, "b.jsonl": b"{}"}))


REFUSED = {
    "cut.csv.gz": (gzip.compress(TABLE)[:-30], "is damaged or no gzip; export it again: Compressed file ended"),
    "cut.csv.zst": (zstd(TABLE)[:-30], "is damaged or no zstd; export it again: Truncated"),
    "cut.zip": (zipped({"a.csv": TABLE})[:-30], "is damaged or no zip"),
    "changed.csv.gz": (gzip.compress(TABLE)[:-8] + bytes(8), "CRC check failed"),
    "junk.csv.gz": (b"junk" * 99, "is damaged or no gzip"),
    "junk.csv.zst": (b"junk" * 99, "is damaged or no zstd"),
    "junk.zip": (b"junk" * 99, "is damaged or no zip"),
    "nothing.zip": (zipped({}), "is a zip archive without any table"),
    "climbing.zip": (zipped({"../.ssh/a.csv": TABLE}), "is a zip archive without any table"),
    "book.zip": (zipped({"[Content_Types].xml": b"", "xl/a.xml": b""}), "is an Excel workbook or another Office"),
    "twice.zip": (zipped({"a.zip": zipped({"a.csv": TABLE})}), "twice.zip/a.zip' is not a format"),
    "other.zip": (zipped({"a.csv": TABLE}, zipfile.ZIP_LZMA), "in another way than zip's usual one"),
    "bomb.csv.gz": (gzip.compress(b"sku\n" + bytes(70 << 20)), "holds more than 64 MB, as a table of its size never"),
    "bomb.csv.zst": (zstd(b"sku\n" + b"1\n" * (40 << 20)), "holds more than 64 MB"),
    "bomb.zip": (zipped({"a.csv": b"sku\n" + b"1\n" * (40 << 20)}), "holds more than 64 MB"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_damage_and_bombs_are_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    content, said = REFUSED[name]
    with pytest.raises(UnreadableSource) as refused:
        rows_of(tmp_path / name, content)
    assert said in str(refused.value)
    assert name in str(refused.value)


def test_a_directory_of_more_names_than_any_catalogue_has_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MAX_MEMBERS", 3)
    with pytest.raises(UnreadableSource, match="is a zip archive of more than 3 files"):
        zip_members(io.BytesIO(zipped(dict.fromkeys("abcd", b"x"))), "it")


def test_encrypted_members_are_named() -> None:
    data = bytearray(zipped({"a.csv": TABLE}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UnreadableSource, match="is encrypted"):
        zip_members(io.BytesIO(bytes(data)), "it")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["a.csv.gz", "a.csv.zst", "a.zip"]), place=st.floats(0, 1), change=st.binary(max_size=4))
def test_changed_bytes_give_the_table_or_a_sentence(name: str, place: float, change: bytes, tmp_path: Path) -> None:
    data = PACKED[name]
    at = int(place * len(data))
    try:
        rows = rows_of(tmp_path / name, data[:at] + change + data[at + len(change) :])
    except UnreadableSource:
        return
    if name != "a.csv.zst":  # gzip and zip have a checksum; zstd need not
        assert rows == [{"sku": f"{number:05}", "title": f"Mug {number}"} for number in range(2000)]


def test_names_say_how_a_file_is_packed_and_what_it_holds() -> None:
    assert compression_of("a.CSV.GZ", b"") == "gzip"
    assert compression_of("a.csv", b"sku,") is None
    assert content_name("a.csv.gz", Compression("gzip")) == "a.csv"
    assert content_name("a.csv", Compression("gzip")) == "a.csv"
    assert content_name("a.zip", Compression("zip", "b.tsv")) == "b.tsv"
