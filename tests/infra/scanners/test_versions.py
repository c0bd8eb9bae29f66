"""A version names every byte that decides, and what is missing is said with what to do."""

import importlib.metadata
from pathlib import Path

import pytest

from infra.errors import ScannerMissing
from infra.scanners import versions
from infra.scanners.versions import contents_digest, package_files, package_version


@pytest.fixture
def scanner_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "seer"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('only looked for, never imported')")
    (folder / "model.onnx").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "version", {"seer": "3.1"}.__getitem__)
    versions._cached_digest.cache_clear()
    return folder


def test_a_version_names_code_package_and_model_without_importing_any(scanner_package: Path) -> None:
    version = package_version("2", "seer", ["model.onnx"], "seeing")
    assert version == f"2+seer-3.1+{contents_digest([scanner_package / 'model.onnx'])[:12]}"


def test_another_model_is_another_version(scanner_package: Path) -> None:
    before = package_version("2", "seer", ["model.onnx"], "seeing")
    (scanner_package / "model.onnx").write_bytes(b"Weights")
    versions._cached_digest.cache_clear()
    after = package_version("2", "seer", ["model.onnx"], "seeing")
    assert after != before
    assert after.rpartition("+")[0] == before.rpartition("+")[0]


def test_a_package_that_is_not_there_is_named_with_its_extra() -> None:
    with pytest.raises(ScannerMissing, match=r"'no_such_seer' is not installed.*pip install 'packshot\[seeing\]'"):
        package_version("1", "no_such_seer", ["model.onnx"], "seeing")


def test_a_model_that_is_not_there_is_named_and_not_fetched(scanner_package: Path) -> None:
    with pytest.raises(ScannerMissing, match=r"'seer' lacks its file 'other.onnx', which is not downloaded"):
        package_files("seer", ["model.onnx", "other.onnx"], "seeing")


def test_a_digest_knows_names_and_where_one_file_ends(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"xy")
    two.write_bytes(b"z")
    before = contents_digest([one, two])
    one.write_bytes(b"x")
    two.write_bytes(b"yz")
    assert contents_digest([one, two]) != before
    one.write_bytes(b"xy")
    two.write_bytes(b"z")
    assert contents_digest([one, two]) == before
    two.rename(tmp_path / "c")
    assert contents_digest([one, tmp_path / "c"]) != before
