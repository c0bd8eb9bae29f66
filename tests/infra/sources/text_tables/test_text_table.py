"""Damaged rows are named as a person finds them in the file."""

from contextlib import nullcontext
from io import BytesIO

from infra.sources.source_files import SourceFile
from infra.sources.text_tables.dialects import DOUBLED, Dialect
from infra.sources.text_tables.streams import Utf8Stream
from infra.sources.text_tables.text_encodings import TextEncoding
from infra.sources.text_tables.text_table import ADVICE, TextTable

DIALECT = Dialect(";", DOUBLED, ("sku", "title", ""), 3, 12, surplus=1)
TABLE = TextTable(
    SourceFile("", "/x/t.csv", 1, ""), "'/x/t.csv'", DIALECT, ("sku", "title", "column 3"), 12,
    lambda: nullcontext(Utf8Stream(BytesIO(), TextEncoding("cp1252"))), False, "windows-1252",
)  # fmt: skip


def test_rows_are_counted_from_the_files_beginning_and_columns_without_surplus_ones() -> None:
    assert TABLE.columns == ("sku", "title")
    assert TABLE.width_reason(1, 1) == f"row 4 of 't.csv' has 1 value and the header has 2; {ADVICE}"
    assert TABLE.width_reason(4, 5) == f"row 7 of 't.csv' has 5 values and the header has 2; {ADVICE}"


def test_a_value_that_is_no_text_is_named_by_its_column_and_the_encoding() -> None:
    said = "row 5 of 't.csv' has a value in 'title' that is no windows-1252 text; export it again"
    assert TABLE.text_reason(2, "title") == said
