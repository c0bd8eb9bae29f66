"""What a person types becomes an order, or an option's name and a mend before any work."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from catalogs.errors import OptionError
from flows.engines.build import BuildOptions, build_engine, parse_batch_range, parse_sizes
from flows.engines.onnx_export import verify_onnx_graphs
from infra.engines.tensorrt.profiles import AxisRange, ImageSize
from infra.errors import EngineError
from infra.nano import MODEL_FOLDER
from tests.fixtures.small_onnx_graphs import write_small_export


def silent(words: str) -> None:
    """Hear what is going on, and keep it."""


def options(tmp_path: Path, **changes: Any) -> BuildOptions:
    given = {
        "model": str(MODEL_FOLDER),
        "onnx": tmp_path / "onnx",
        "out": tmp_path / "out",
        "sizes": "128x128",
        "batch": "1-2",
    }
    return BuildOptions(**{**given, "precision": "fp32", **changes})


def test_sizes_and_batches_are_read_as_they_are_typed() -> None:
    assert parse_sizes("1024x1024, 768x512,1024x1024") == (ImageSize(1024, 1024), ImageSize(768, 512))
    assert parse_batch_range("1-4") == AxisRange(1, 4, 4)
    assert parse_batch_range("4") == AxisRange(4, 4, 4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": "1024x"}, "--sizes: '1024x' is no size"),
        ({"sizes": "128x128,"}, "--sizes: '' is no size"),
        ({"sizes": "100x128"}, "The size '100x128' cannot be generated: sides must be multiples of 32"),
        ({"batch": "4-1"}, "--batch: The batch range '4-1' is invalid"),
        ({"batch": "many"}, "--batch: 'many' is no batch size"),
        ({"precision": "fp16"}, "--precision: 'fp16' is refused: this model's activations reach 63 000"),
        ({"precision": "int8"}, "--precision: The precision 'int8' is unknown: choose one of fp32, bf16, fp8"),
        ({"compatibility": "all"}, "--compatibility: 'all' is none of none, same-compute-capability, ampere-plus"),
        ({"runtime": "openvino"}, "--runtime: 'openvino' is none of tensorrt, onnxruntime"),
        ({"model": "nobody"}, "--model: The model 'nobody' is neither a folder on this machine nor a hub id"),
        ({}, "is no export"),
    ],
)
def test_what_can_be_mended_names_its_option_and_leaves_nothing(
    tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    with pytest.raises(OptionError) as caught:
        build_engine(options(tmp_path, **changes), silent)
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_is_built_and_its_card_returned(tmp_path: Path) -> None:
    write_small_export(tmp_path / "onnx", MODEL_FOLDER)
    card = build_engine(options(tmp_path, runtime="onnxruntime"), silent)
    assert (card["runtime"], card["sizes"], card["batch"]) == ("onnxruntime", [[128, 128]], [1, 2, 2])


def test_without_tensorrt_a_build_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    write_small_export(tmp_path / "onnx", MODEL_FOLDER)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(EngineError, match=r"install packshot\[tensorrt\]"):
        build_engine(options(tmp_path), silent)


def test_an_engine_is_verified_in_its_exports_place(tiny_model: Path, tiny_export: Path, tmp_path: Path) -> None:
    asked = options(tmp_path, model=str(tiny_model), onnx=tiny_export, sizes="128x96", runtime="onnxruntime")
    build_engine(asked, silent)
    found = verify_onnx_graphs(str(tiny_model), asked.out, silent, tiny_export)
    assert (found["passed"], found["runtime"]) == (True, "onnxruntime")
    assert {tuple(case["shape"][2:]) for case in found["cases"]} == {(12, 16)}
    assert max(case["shape"][0] for case in found["cases"]) == 2


def test_an_engine_of_another_export_is_not_verified_with_this_one(
    tiny_model: Path, tiny_export: Path, tmp_path: Path
) -> None:
    write_small_export(tmp_path / "onnx", tiny_model)
    build_engine(options(tmp_path, model=str(tiny_model), runtime="onnxruntime"), silent)
    with pytest.raises(EngineError, match="was built from another export: verify it with that one"):
        verify_onnx_graphs(str(tiny_model), tmp_path / "out", silent, tiny_export)


def test_an_engine_without_batches_of_one_is_not_verified(tiny_model: Path, tiny_export: Path, tmp_path: Path) -> None:
    asked = options(tmp_path, model=str(tiny_model), onnx=tiny_export, batch="2-4", runtime="onnxruntime")
    build_engine(asked, silent)
    with pytest.raises(EngineError, match=r"takes batches of 2 to 4, .*: build it with --batch 1-4"):
        verify_onnx_graphs(str(tiny_model), asked.out, silent, tiny_export)
