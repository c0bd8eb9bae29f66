"""Where a source's files lie: listings, fingerprints, and the words for what is not there."""

import shutil
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from infra.errors import MAX_ONE_LINE_CHARACTERS, StoreError, UnreadableSource
from infra.sources.source_files import list_source_files, translate_errors


def write(path: Path, content: bytes = b"sku\n1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match=r"There is no file or folder '.*/absent.csv'; check the path"):
        list_source_files(str(tmp_path / "absent.csv"))


def test_a_path_below_a_file_is_a_missing_file(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    with pytest.raises(UnreadableSource, match="There is no file or folder"):
        list_source_files(str(tmp_path / "a.csv" / "b.csv"))


@pytest.mark.parametrize("path", ["", "  ", "a\0b"])
def test_a_path_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UnreadableSource, match="not a path"):
        list_source_files(path)


def test_an_empty_file_is_named_with_its_zero_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", b"")
    with pytest.raises(UnreadableSource, match=r"a.csv' is empty \(0 bytes\)"):
        list_source_files(str(tmp_path / "a.csv"))


def test_a_folder_without_data_files_says_what_belongs_there(tmp_path: Path) -> None:
    write(tmp_path / "_SUCCESS", b"")
    write(tmp_path / ".part-0.parquet.crc", b"x")
    with pytest.raises(UnreadableSource, match=r"holds no data files; put Parquet, CSV or JSON lines there"):
        list_source_files(str(tmp_path))


def test_marks_of_other_programs_are_passed_over_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.csv", "a/c.csv", "_SUCCESS", ".hidden/d.csv", "_temporary/e.csv", "_day=1/f.csv"):
        write(tmp_path / name)
    with pytest.raises(UnreadableSource, match="other partition folders"):
        list_source_files(str(tmp_path))
    shutil.rmtree(tmp_path / "_day=1")
    assert [file.name for file in list_source_files(str(tmp_path)).files] == ["a/c.csv", "b.csv"]


def test_a_delta_table_is_not_read_as_a_folder_of_parquet(tmp_path: Path) -> None:
    write(tmp_path / "_delta_log/00000000000000000000.json")
    write(tmp_path / "part-0.parquet")
    with pytest.raises(UnreadableSource, match="is a Delta table, whose files hold dead rows too"):
        list_source_files(str(tmp_path))


def test_partitions_are_read_from_folder_names(tmp_path: Path) -> None:
    write(tmp_path / "category=lamps%20%26%20more" / "day=__HIVE_DEFAULT_PARTITION__" / "a.csv")
    (file,) = list_source_files(str(tmp_path)).files
    assert file.partitions == (("category", "lamps & more"), ("day", None))


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(UnreadableSource, match="names a user or a password") as refused:
        list_source_files("s3://someone:hunter2@bucket/catalogue.parquet")
    assert "hunter2" not in str(refused.value)


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(UnreadableSource, match="gopher"):
        list_source_files("gopher://host/catalogue.csv")


def test_an_endpoint_that_does_not_answer_is_the_worlds_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="could not be") as failed:
        list_source_files("s3://bucket/catalogue.parquet")
    assert not isinstance(failed.value, UnreadableSource)


def test_the_fingerprint_moves_with_content_and_not_with_the_place(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv")
    other = write(tmp_path / "elsewhere" / "two.csv")
    assert list_source_files(str(one)).fingerprint() == list_source_files(str(other)).fingerprint()
    assert list_source_files(f"file://{one}").fingerprint() == list_source_files(str(one)).fingerprint()
    before = list_source_files(str(one)).fingerprint()
    write(one, b"sku\n2\n")
    assert list_source_files(str(one)).fingerprint() != before


def test_the_fingerprint_of_a_folder_holds_its_names(tmp_path: Path) -> None:
    write(tmp_path / "day=1" / "a.csv")
    before = list_source_files(str(tmp_path)).fingerprint()
    (tmp_path / "day=1").rename(tmp_path / "day=2")
    assert list_source_files(str(tmp_path)).fingerprint() != before


def test_content_in_memory_is_fingerprinted_like_a_file(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/sources-test/a.csv", b"sku\n1\n")
    assert (
        list_source_files("memory://sources-test/a.csv").fingerprint()
        == list_source_files(str(write(tmp_path / "a.csv"))).fingerprint()
    )
    memory.rm("/sources-test", recursive=True)


def test_errors_with_a_number_are_the_worlds_and_others_the_contents() -> None:
    with pytest.raises(StoreError, match=r"'x' could not be read \(EIO\)"), translate_errors("'x'"):
        raise OSError(5, "Input/output error")
    with pytest.raises(UnreadableSource, match="'x' is damaged; export it again: Corrupt"), translate_errors("'x'"):
        raise OSError("Corrupt snappy compressed data.")
    with pytest.raises(UnreadableSource, match="may not be read here"), translate_errors("'x'"):
        raise PermissionError(13, "Permission denied")


def test_a_message_never_repeats_a_whole_row() -> None:
    with pytest.raises(UnreadableSource) as refused, translate_errors("'x'"):
        raise OSError("row: " + "x" * 1_000_000)
    assert len(str(refused.value)) < MAX_ONE_LINE_CHARACTERS + 100


def test_a_link_to_a_file_of_the_same_folder_is_read_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path / "folder" / "..2026" / "a.csv")  # as Kubernetes mounts a volume: what begins with a dot is skipped
    (tmp_path / "folder" / "..data").symlink_to("..2026")
    (tmp_path / "folder" / "a.csv").symlink_to("..data/a.csv")
    (tmp_path / "mount").symlink_to(tmp_path / "folder")  # what the operator names may be a link itself
    for named in ("folder", "mount", "folder/a.csv"):
        found = list_source_files(str(tmp_path / named))
        with found.open(found.files[0]) as stream:
            assert (len(found.files), stream.read()) == (1, b"sku\n1\n")


@pytest.mark.parametrize("target", ["../outside.csv", "/etc/hostname", "nowhere.csv", "..", "sub"])
def test_s11_a_link_that_leads_out_of_the_source_is_refused_and_not_skipped(tmp_path: Path, target: str) -> None:
    write(tmp_path / "outside.csv")
    write(tmp_path / "folder" / "sub" / "a.csv")
    (tmp_path / "folder" / "b.csv").symlink_to(target)
    with pytest.raises(UnreadableSource, match=r"folder/b\.csv' is a link that leads out of the folder, .* put"):
        list_source_files(str(tmp_path / "folder"))


def test_a_lack_of_memory_is_an_error_of_the_file() -> None:
    words = "'x' cannot be read in the memory that is left here; export it again"
    with pytest.raises(UnreadableSource, match=words), translate_errors("'x'"):
        raise pa.ArrowMemoryError("malloc of size 17179869184 failed")
