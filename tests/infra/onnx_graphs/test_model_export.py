"""An export is whole or not there, and what cannot be exported is refused before anything is loaded."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.errors import EngineError
from infra.models.model_files import model_folder_digest
from infra.onnx_graphs.export_manifest import check_export_files, read_export_manifest
from infra.onnx_graphs.model_export import atomic_folder, check_output_folder, export_model


def test_an_export_says_what_it_is(tiny_export: Path, tiny_model: Path):
    card = read_export_manifest(tiny_export)
    check_export_files(tiny_export, card)
    assert {each.path for each in card.files} == {
        f"{graph}/{name}" for graph in ("transformer", "vae_decoder") for name in ("model.onnx", "model.onnx.data")
    }
    assert (card.model, card.precision, card.opset) == (str(tiny_model), "fp32", 23)
    assert card.weights_digest == model_folder_digest(tiny_model)
    assert set(card.versions) == {"torch", "diffusers", "onnx", "onnxscript"}
    inputs = {each["name"]: (each["type"], each["shape"]) for each in card.graphs["transformer"]["inputs"]}
    assert inputs["image_patches"] == ("fp32", ["batch", "image_tokens", 64])
    assert inputs["caption_is_real"] == ("bool", ["batch", "caption_tokens"])


def test_fp16_is_refused_with_the_reason(tmp_path: Path):
    with pytest.raises(EngineError, match=r"'fp16' is refused: .* 65504.* Choose 'bf16'"):
        export_model("nobody", tmp_path / "out", "fp16", print)


def test_an_unknown_precision_is_named(tmp_path: Path):
    with pytest.raises(EngineError, match="'int4' cannot be exported: choose 'bf16' or 'fp32'"):
        export_model("nobody", tmp_path / "out", "int4", print)


def test_a_folder_that_holds_something_is_left_alone(tiny_model: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("the only copy")
    with pytest.raises(EngineError, match=r"out' exists and is not empty"):
        export_model(str(tiny_model), tmp_path / "out", "bf16", print)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "thesis.txt"]


def test_an_empty_folder_may_become_an_export(tmp_path: Path):
    check_output_folder(tmp_path)


@pytest.mark.parametrize("name", ["file", "none/out"])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"remove that one first|create it first"):
        check_output_folder(tmp_path / name)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_loaded(tiny_model: Path, tmp_path: Path):
    said: list[str] = []
    words = "need 0.07 GB under .* and 0.05 GB are free: free some space"
    with pytest.raises(EngineError, match=words):
        export_model(str(tiny_model), tmp_path / "out", "bf16", said.append, measure_free_bytes=lambda _: 50_000_000)
    assert (said, list(tmp_path.iterdir())) == ([], [])


def test_a_write_that_fails_leaves_nothing(tmp_path: Path):
    words = r"could not be written \(File too large\); nothing of it remains"
    with files_of_at_most(1000), pytest.raises(EngineError, match=words), atomic_folder(tmp_path / "out") as folder:
        (folder / "model.onnx.data").write_bytes(bytes(10_000))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_its_name_once_it_is_whole(tmp_path: Path):
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "model.onnx").write_bytes(b"graph")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "model.onnx").read_bytes() == b"graph"


def interrupted(out: Path) -> None:
    with atomic_folder(out) as folder:
        (folder / "model.onnx").write_bytes(b"graph")
        raise KeyboardInterrupt


def test_an_interruption_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_disk_that_fills_up_while_a_graph_is_written_leaves_nothing(tiny_model: Path, tmp_path: Path):
    pytest.importorskip("onnxscript")
    with files_of_at_most(100_000), pytest.raises(EngineError, match=r"could not be written .*; nothing of it remains"):
        export_model(str(tiny_model), tmp_path / "out", "fp32", print)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the kernel refuse what goes beyond: a real failed write, as a full disk gives."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
