"""Opening cost: headers are read at once, long documents and downloads are left to the run."""

from pathlib import Path

import pytest

from infra.errors import UnreadableSource
from infra.sources.opening_cost import MAX_BYTES, MAX_FILES, opens_quickly
from infra.sources.source_options import SourceOptions


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("a.csv", MAX_BYTES + 1, True),
        ("a.parquet", MAX_BYTES + 1, True),
        ("a.jsonl", MAX_BYTES, True),
        ("a.jsonl", MAX_BYTES + 1, False),
        ("a.json.gz", MAX_BYTES + 1, False),
    ],
)
def test_what_has_to_be_read_whole_is_quick_up_to_a_size(tmp_path: Path, name: str, size: int, expected: bool) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(size)  # sparse: it takes no disk
    assert opens_quickly(str(tmp_path / name), SourceOptions()) is expected


def test_a_folder_of_many_files_is_left_to_the_run(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number}.csv").write_text("sku\n")
    assert not opens_quickly(str(tmp_path), SourceOptions())
    (tmp_path / "0.csv").unlink()
    assert opens_quickly(str(tmp_path), SourceOptions())


def test_a_download_is_left_to_the_run_and_nothing_is_asked_of_the_server() -> None:
    assert not opens_quickly("https://nowhere.invalid/a.csv", SourceOptions())


def test_a_source_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"gone\.csv"):
        opens_quickly(str(tmp_path / "gone.csv"), SourceOptions())
