"""An engine folder is made of an export of that very model, and says all that decides over its use."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

from infra.engines.tensorrt.build_manifest import graph_digest, read_build_manifest
from infra.engines.tensorrt.engine_build import EngineBuildRequest, build_engine_folder, prepare_build
from infra.engines.tensorrt.engine_open import TensorRtHost
from infra.engines.tensorrt.fp8_calibration import (
    BLOCK_LINEARS,
    Fp8Calibration,
    layer_name,
    read_fp8_calibration,
    write_fp8_calibration,
)
from infra.engines.tensorrt.profiles import ImageSize, batch_range
from infra.errors import EngineError, EngineUnsuitable
from infra.models.model_files import model_folder_digest
from infra.nano import MODEL_FOLDER
from infra.onnx_graphs.export_manifest import hash_export_files
from infra.onnx_graphs.export_manifest import read_export_manifest as read_export
from infra.onnx_graphs.export_manifest import write_export_manifest as write_export
from tests.fixtures.small_onnx_graphs import write_block_graph, write_small_export


def order(export: Path, out: Path, **changes: Any) -> EngineBuildRequest:
    given: dict[str, Any] = {
        "sizes": [ImageSize(128, 128), ImageSize(64, 96)],
        "batch": batch_range(1, 3),
        "precision": "fp32",
    }
    return EngineBuildRequest(MODEL_FOLDER, export, out, **{**given, **changes})


def test_the_card_says_what_was_built_where_and_from_what(
    small_export: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    said: list[str] = []
    card = build_engine_folder(prepare_build(order(small_export, tmp_path), said.append), said.append, lambda: host)
    assert read_build_manifest(tmp_path) == card
    assert (card.runtime, card.precision, card.batch) == ("tensorrt", "fp32", (1, 3, 3))
    assert card.sizes == ((128, 128), (64, 96))
    assert card.weights_digest == model_folder_digest(MODEL_FOLDER)
    assert (card.tensorrt, card.gpu, card.compute_capability, card.driver) == (
        "11.4.0.106", "NVIDIA H200", (9, 0), "580.95.05"
    )  # fmt: skip
    assert [profile["image_tokens"] for profile in card.transformer.profiles] == [(32, 32, 32)]
    assert [profile["latent_rows"] for profile in card.vae_decoder.profiles] == [(8, 8, 8), (6, 6, 6)]
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == {
        "card.json", "timing.cache", "transformer/model.plan", "vae_decoder/model.plan"
    }  # fmt: skip
    assert [words.split(":")[0] for words in said][1:] == [
        "Building the plan of the transformer", "Building the plan of the vae_decoder"
    ]  # fmt: skip


def test_both_graphs_are_built_with_one_timing_cache_and_full_fp32(
    small_export: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    build_engine_folder(prepare_build(order(small_export, tmp_path), str), str, lambda: host)
    names = [call[0] for call in host.trt.calls]
    assert names.count("build_serialized_network") == 2
    assert [call[1] for call in host.trt.calls if call[0] == "create_timing_cache"] == [b"", b"measured"]
    assert names.count("clear_flag") == 2


def test_a_card_is_written_last(small_export: Path, tmp_path: Path, host: TensorRtHost) -> None:
    host.trt.build_fails = True
    with pytest.raises(EngineError, match="could not build"):
        build_engine_folder(prepare_build(order(small_export, tmp_path), str), str, lambda: host)
    with pytest.raises(EngineError, match="There is no engine"):
        read_build_manifest(tmp_path)


def test_without_a_gpu_nothing_is_written(small_export: Path, tmp_path: Path) -> None:
    def nowhere() -> TensorRtHost:
        raise EngineUnsuitable("There is no GPU here.")

    with pytest.raises(EngineUnsuitable):
        build_engine_folder(prepare_build(order(small_export, tmp_path / "out"), str), str, nowhere)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_rehearsal_needs_no_machine_and_runs_the_graphs_where_they_are(small_export: Path, tmp_path: Path) -> None:
    def nowhere() -> TensorRtHost:
        raise AssertionError

    card = build_engine_folder(prepare_build(order(small_export, tmp_path, runtime="onnxruntime"), str), str, nowhere)
    assert card.transformer.file == str(small_export / "transformer" / "model.onnx")
    assert (card.tensorrt, card.gpu) == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]


def test_graphs_of_other_exports_have_other_digests(small_export: Path, tmp_path: Path) -> None:
    card = build_engine_folder(prepare_build(order(small_export, tmp_path, runtime="onnxruntime"), str), str)
    assert card.transformer.onnx_sha256 != card.vae_decoder.onnx_sha256
    again = build_engine_folder(prepare_build(order(small_export, tmp_path, runtime="onnxruntime"), str), str)
    assert again == card


def test_an_export_in_another_precision_says_both_mends(small_export: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"in bf16 is built from one in bf16: export with --precision bf16"):
        prepare_build(order(small_export, tmp_path, precision="bf16"), str)


def test_an_export_of_another_model_is_refused_by_both_digests(
    small_export: Path, tiny_model: Path, tmp_path: Path
) -> None:
    strange = write_small_export(tmp_path / "export", tiny_model)
    with pytest.raises(EngineError) as caught:
        prepare_build(order(strange, tmp_path / "out"), str)
    assert model_folder_digest(MODEL_FOLDER) in str(caught.value)
    assert model_folder_digest(tiny_model) in str(caught.value)
    assert "export this model" in str(caught.value)


def test_an_export_that_was_damaged_since_is_found_before_it_is_built(small_export: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(small_export, tmp_path / "export"))
    graph = damaged / "transformer" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with pytest.raises(EngineError, match=r"transformer/model\.onnx' has the digest"):
        prepare_build(order(damaged, tmp_path / "out"), str)
    with pytest.raises(EngineError, match="is no export"):
        prepare_build(order(tmp_path, tmp_path / "out"), str)


def write_calibrated(folder: Path, weights_digest: str) -> Path:
    largest = {layer_name(1, linear): 3.0 for linear in BLOCK_LINEARS}
    made = Fp8Calibration(weights_digest=weights_digest, prompts=4, prompts_digest="ab", largest=largest)
    write_fp8_calibration(folder / "fp8.json", made)
    return folder / "fp8.json"


def export_with_blocks(folder: Path) -> Path:
    """Write an export in bf16 whose transformer has two joint blocks."""
    write_small_export(folder, MODEL_FOLDER, "bf16")
    write_block_graph(folder / "transformer")
    card = read_export(folder)
    write_export(folder, replace(card, files=hash_export_files(folder)))
    return folder


def test_an_fp8_engine_is_built_from_a_calibrated_graph_that_is_not_kept(tmp_path: Path, host: TensorRtHost) -> None:
    export = export_with_blocks(tmp_path / "export")
    calibration = write_calibrated(tmp_path, model_folder_digest(MODEL_FOLDER))
    asked = order(export, tmp_path / "out", precision="fp8", calibration=calibration)
    card = build_engine_folder(prepare_build(asked, str), str, lambda: host)
    assert (card.precision, card.calibration_digest) == ("fp8", read_fp8_calibration(calibration).digest)
    parsed = [call[1] for call in host.trt.calls if call[0] == "parse_from_file"]
    assert parsed == [str(tmp_path / "out" / "fp8" / "model.onnx"), str(export / "vae_decoder" / "model.onnx")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "card.json", "timing.cache", "transformer", "vae_decoder"
    ]  # fmt: skip
    assert card.transformer.onnx_sha256 == graph_digest(read_export(export), "transformer")


def test_fp8_without_a_calibration_of_this_model_is_refused(tmp_path: Path) -> None:
    export = export_with_blocks(tmp_path / "export")
    with pytest.raises(EngineError, match="needs --calibration: make it with `packshot engine calibrate`"):
        prepare_build(order(export, tmp_path / "out", precision="fp8"), str)
    strange = write_calibrated(tmp_path, "ef" * 32)
    with pytest.raises(EngineError, match=r"is of weights 'efef.*: calibrate this model"):
        prepare_build(order(export, tmp_path / "out", precision="fp8", calibration=strange), str)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"precision": "fp16"}, "'fp16' is refused: this model's activations reach 63 000"),
        ({"precision": "bf16", "runtime": "onnxruntime"}, "cannot compute in 'bf16': on a CPU it has fp32 alone"),
        ({"precision": "int4"}, "'int4' is unknown: choose one of fp32, bf16, fp8"),
        ({"sizes": [ImageSize(144, 128)]}, "'144x128' cannot be generated: sides must be multiples of 32"),
    ],
)
def test_what_cannot_be_is_refused_before_a_file_is_read(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prepare_build(order(tmp_path / "nowhere", tmp_path / "out", **changes), str)
