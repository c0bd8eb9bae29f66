"""An export of the model passes; one whose captions are elsewhere, or that is another model's, does not."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from infra.errors import EngineError
from infra.onnx_graphs.graph_verification import OnnxGraphOpener, verify_export
from infra.onnx_graphs.onnx_runtime import GraphRuntime
from tests.fixtures.tiny_checkpoint import build_tiny_checkpoint

pytest.importorskip("onnxruntime")


class ShiftedCaptionRuntime:
    """ONNX Runtime with a mistake that others have shipped: captions stand 32 positions further on."""

    name = "onnxruntime"

    def __init__(self, runtime: GraphRuntime, rope: Any) -> None:
        self._runtime, self._rope = runtime, rope

    def run(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        from infra.onnx_graphs.preprocessing import position_inputs

        length = inputs["caption_features"].shape[1]
        moved = position_inputs(self._rope, 4, 4, length + 32, device=torch.device("cpu"))
        names = ("caption_cosines", "caption_sines")
        return self._runtime.run({**inputs, **{name: moved[name][32:] for name in names}})

    def free_memory(self) -> None:
        pass

    def close(self) -> None:
        self._runtime.close()


class ShiftedCaptionOpener(OnnxGraphOpener):
    sizes = ((16, 24),)
    batch = 2

    def __init__(self, folder: Path, rope: Any) -> None:
        super().__init__(folder, "fp32", folder)
        self._rope = rope

    def open_graph(self, graph: str) -> GraphRuntime:
        runtime = super().open_graph(graph)
        return ShiftedCaptionRuntime(runtime, self._rope) if graph == "transformer" else runtime


def test_an_export_of_the_model_passes(tiny_model: Path, tiny_export: Path, tmp_path: Path):
    said: list[str] = []
    export = shutil.copytree(tiny_export, tmp_path / "export")  # others may verify the shared one now
    verdict = verify_export(str(tiny_model), export, said.append)
    assert verdict.passed
    assert (verdict.runtime, verdict.twin, verdict.precision, verdict.tolerance) == ("onnxruntime", None, "fp32", 1e-4)
    assert len({case.shape[2:] for case in verdict.cases if case.graph == "transformer"}) == 3
    assert {case.graph for case in verdict.cases} == {"transformer", "vae_decoder"}
    assert said[-1] == "Comparing the vae_decoder in onnxruntime"
    assert list(tmp_path.iterdir()) == [export]


def test_captions_off_by_32_positions_do_not_pass(tiny_pipeline: Any, tiny_model: Path, tiny_export: Path):
    from infra.onnx_graphs.preprocessing import RopeConfig

    opener = ShiftedCaptionOpener(tiny_export, RopeConfig.from_config(tiny_pipeline.transformer.config))
    verdict = verify_export(str(tiny_model), tiny_export, print, opener)
    assert not verdict.passed
    wrong = [case for case in verdict.cases if case.graph == "transformer"]
    assert len(wrong) == 3
    assert all(case.max_abs_diff is not None and case.max_abs_diff > 1e-2 for case in wrong)
    assert all(case.is_within(verdict.tolerance) for case in verdict.cases if case.graph == "vae_decoder")


def test_no_cases_are_no_proof(tiny_model: Path, tiny_export: Path):
    class Nothing(OnnxGraphOpener):
        sizes = ((),)[:0]

    with pytest.raises(EngineError, match="supports no size"):
        verify_export(str(tiny_model), tiny_export, print, Nothing(tiny_export, "fp32", tiny_export))


def test_the_export_of_another_model_is_not_compared(tiny_export: Path, tmp_path: Path):
    other = build_tiny_checkpoint(tmp_path / "other", seed=1)
    with pytest.raises(EngineError, match="give the model that it was made from"):
        verify_export(str(other), tiny_export, print)


def test_a_damaged_export_is_not_compared(tiny_model: Path, tiny_export: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_export, tmp_path / "export")
    data = folder / "transformer" / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-1] + b"\x01")
    with pytest.raises(EngineError, match=r"model\.onnx\.data' has the digest"):
        verify_export(str(tiny_model), folder, print)
