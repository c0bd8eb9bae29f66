"""What a file is, and what a message says that it looks like."""

import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import UnreadableSource
from infra.sources.file_formats import describe_content, detect_format
from infra.sources.source_files import list_source_files


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("catalogue.csv", "sku,title\n")
    return buffer.getvalue()


LOOKS = {
    "CSV": b"sku,title\n1,Lamp\n",
    "JSON": b' {"sku": "1"}\n',
    "HTML (an error page?)": b"<!doctype html><title>Forbidden</title>",
    "a zip archive or an Excel workbook": zipped(),
    "gzip, which has to be decompressed first": gzip.compress(b"sku,title\n"),
    "plain text": b"please find the catalogue attached",
    "binary data": bytes(range(128, 256)) * 4,
    "UTF-16 text, which has to be saved as UTF-8": "sku,title".encode("utf-16"),
    "encrypted Parquet, which is not read": b"PARE....PARE",
}


@pytest.mark.parametrize("words", LOOKS)
def test_a_message_says_what_the_file_looks_like(words: str, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(LOOKS[words])
    with pytest.raises(UnreadableSource) as refused:
        detect_format(list_source_files(str(tmp_path / "a.parquet")))
    assert f"a.parquet' is not Parquet: it looks like {words}" in str(refused.value)


def test_a_character_cut_by_the_first_bytes_is_still_text() -> None:
    assert describe_content("sku,größe".encode()[:-2]) == "CSV"
    assert describe_content(b"sku,g" + "ö".encode()[:1]) == "CSV"


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_parquet_under_another_name_is_refused_with_its_real_kind(name: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": ["1"]}), tmp_path / name)
    with pytest.raises(UnreadableSource, match="it looks like Parquet"):
        detect_format(list_source_files(str(tmp_path / name)))


@pytest.mark.parametrize("name", ["a.xlsx", "a.doc", "a"])
def test_another_extension_is_refused_with_those_that_are_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"sku,title\n1,Lamp\n")
    with pytest.raises(UnreadableSource, match=r"looks like CSV\); give \.parquet, \.csv, \.tsv, \.txt, \.jsonl"):
        detect_format(list_source_files(str(tmp_path / name)))


def test_parts_without_an_extension_are_parquet_when_they_say_so(tmp_path: Path) -> None:
    pq.write_table(pa.table({"sku": ["1"]}), tmp_path / "000000_0")
    assert detect_format(list_source_files(str(tmp_path))) == "parquet"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("feed.php", b'<?xml version="1.0"?><rss/>', "xml"),
        ("export", b'[{"sku": "1"}]', "json"),
        ("feed.rss", b"<rss/>", "xml"),
        ("part-0.json", b'{"sku": "1"}', "json"),
    ],
)
def test_feeds_are_known_by_their_content_where_the_name_says_nothing(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert detect_format(list_source_files(str(tmp_path / name))) == expected


def test_an_error_page_under_the_name_of_a_feed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b" <!DOCTYPE html><title>Forbidden</title>")
    with pytest.raises(UnreadableSource, match=r"is not XML: it looks like HTML \(an error page\?\)"):
        detect_format(list_source_files(str(tmp_path / "a.xml")))


def test_a_folder_of_two_kinds_names_one_file_of_each(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"sku\n1\n")
    pq.write_table(pa.table({"sku": ["1"]}), tmp_path / "b.parquet")
    with pytest.raises(UnreadableSource, match=r"b.parquet' is Parquet and .*a.csv' is a text table; keep one"):
        detect_format(list_source_files(str(tmp_path)))


def test_extensions_are_read_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "EXPORT.CSV").write_bytes(b"sku\n1\n")
    assert detect_format(list_source_files(str(tmp_path))) == "csv"


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"<!DOCTYPE html><title>Forbidden</title>", "HTML"),
        (b"\xef\xbb\xbf\n <?xml version='1.0'?><rss/>", "XML"),
        (b'[\n  {"sku": "1"}]', "JSON"),
        (b'{"sku": "1"}\n', "JSON"),
    ],
)
def test_a_text_table_that_is_something_else_is_refused_with_what_it_is(
    content: bytes, looks: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(UnreadableSource, match=f"a.csv' is not a text table: it looks like {looks}"):
        detect_format(list_source_files(str(tmp_path / "a.csv")))


@pytest.mark.parametrize("content", [b"<sku>,title\n1,Mug\n", b"[id],{title}\n1,Mug\n", "sku\n1\n".encode("utf-16")])
def test_a_header_may_begin_with_a_bracket(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert detect_format(list_source_files(str(tmp_path / "a.txt"))) == "csv"
