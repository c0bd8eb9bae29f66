"""Each column once, and the same ones in every file."""

from pathlib import Path

import pytest

from infra.errors import UnreadableSource
from infra.sources.headers import check_headers
from infra.sources.source_files import SourceFiles, list_source_files


@pytest.fixture
def two_files(tmp_path: Path) -> SourceFiles:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(b"sku\n")
    return list_source_files(str(tmp_path))


def test_the_order_of_columns_may_differ(two_files: SourceFiles) -> None:
    check_headers(two_files, [["sku", "title"], ["title", "sku"]])


def test_a_column_twice_is_named(two_files: SourceFiles) -> None:
    with pytest.raises(UnreadableSource, match=r"b.csv' has more than one column 'sku'; keep one"):
        check_headers(two_files, [["sku"], ["sku", "sku"]])


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([["sku", "title"], ["sku"]], r"a.csv' has 'title' and '.*b.csv' has not"),
        ([["sku"], ["sku", "title"]], r"b.csv' has 'title' and '.*a.csv' has not"),
    ],
)
def test_a_column_of_one_file_only_is_named_with_both_files(
    two_files: SourceFiles, headers: list[list[str]], words: str
) -> None:
    with pytest.raises(UnreadableSource, match=words):
        check_headers(two_files, headers)
