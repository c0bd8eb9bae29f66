"""A card says what an export is, and notices when it is something else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import EngineError
from infra.onnx_graphs.export_manifest import (
    ExportedFile,
    ExportManifest,
    check_export_files,
    hash_export_files,
    read_export_manifest,
    write_export_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / "model.onnx").write_bytes(b"graph")
    (tmp_path / "transformer" / "model.onnx.data").write_bytes(b"weights")
    return tmp_path


@pytest.fixture
def export_manifest(folder: Path) -> ExportManifest:
    written = ExportManifest(
        model="m",
        weights_digest="d" * 64,
        precision="bf16",
        opset=23,
        made_at="2026-11-23T10:00:00+00:00",
        versions={"torch": "2.13.0"},
        graphs={"transformer": {"inputs": [{"name": "timestep", "type": "fp32", "shape": ["batch"]}], "outputs": []}},
        files=hash_export_files(folder),
    )
    write_export_manifest(folder, written)
    return written


def test_a_card_is_read_as_it_was_written(folder: Path, export_manifest: ExportManifest):
    assert read_export_manifest(folder) == export_manifest
    check_export_files(folder, export_manifest)
    assert [(each.path, each.bytes) for each in export_manifest.files] == [
        ("transformer/model.onnx", 5),
        ("transformer/model.onnx.data", 7),
    ]


def test_a_changed_file_is_named(folder: Path, export_manifest: ExportManifest):
    (folder / "transformer" / "model.onnx.data").write_bytes(b"Weights")
    with pytest.raises(EngineError, match=r"model\.onnx\.data' has the digest"):
        check_export_files(folder, export_manifest)


def test_a_lost_file_is_named(folder: Path, export_manifest: ExportManifest):
    (folder / "transformer" / "model.onnx").unlink()
    with pytest.raises(EngineError, match=r"lacks '.*model\.onnx' \(No such file"):
        check_export_files(folder, export_manifest)


def test_the_digest_of_an_export_is_that_of_all_its_files(export_manifest: ExportManifest):
    graph, weights = export_manifest.files
    assert replace(export_manifest, files=(weights, graph)).digest == export_manifest.digest
    assert replace(export_manifest, files=(graph, replace(weights, sha256="0" * 64))).digest != export_manifest.digest


@pytest.mark.parametrize("text", [None, "{", "[]", '{"kind": "plan"}', '{"kind": "onnx"}'])
def test_a_folder_without_a_card_of_ours_is_no_export(tmp_path: Path, text: str | None):
    if text is not None:
        (tmp_path / "card.json").write_text(text)
    with pytest.raises(EngineError, match=r"is no export .* engine export"):
        read_export_manifest(tmp_path)


def test_a_card_with_a_stranger_in_it_is_refused(folder: Path, export_manifest: ExportManifest):
    told = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**told, "stranger": 1}))
    with pytest.raises(EngineError, match="stranger"):
        read_export_manifest(folder)


def test_a_card_of_another_kind_is_no_exports(folder: Path, export_manifest: ExportManifest):
    write_export_manifest(folder, replace(export_manifest, kind="plans"))
    with pytest.raises(EngineError, match="its kind is 'plans'"):
        read_export_manifest(folder)


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "a/../../b", "a//b", "", "."])
def test_a_card_that_lists_a_file_outside_of_its_folder_is_refused(
    folder: Path, export_manifest: ExportManifest, path: str
):
    files = (*export_manifest.files, ExportedFile(path, 1, "0" * 64))
    write_export_manifest(folder, replace(export_manifest, files=files))
    with pytest.raises(EngineError, match="which is not in the folder"):
        read_export_manifest(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"kind": "' + "x" * (4 << 20) + '"}', "7", "[]"])
def test_a_card_beyond_all_bounds_is_refused(tmp_path: Path, text: str):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(EngineError, match="is no export"):
        read_export_manifest(tmp_path)
