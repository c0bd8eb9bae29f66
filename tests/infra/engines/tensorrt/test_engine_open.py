"""An engine folder opens as what its card says, on the machine that its card says."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from infra.engines.tensorrt.build_manifest import BuildManifest
from infra.engines.tensorrt.engine_build import EngineBuildRequest, build_engine_folder, prepare_build
from infra.engines.tensorrt.engine_open import EngineGraphOpener, TensorRtHost, host_for, load_engine_folder
from infra.engines.tensorrt.model_configs import component_configs
from infra.engines.tensorrt.profiles import ImageSize, UnsupportedShape, batch_range
from infra.errors import EngineError, EngineUnsuitable
from infra.nano import MODEL_FOLDER
from infra.onnx_graphs.export_manifest import read_export_manifest
from infra.onnx_graphs.graph_spec import TRANSFORMER, fixed_axis_sizes
from infra.onnx_graphs.graph_verification import verify_export
from tests.fixtures.tensorrt_host import fake_tensorrt_host


def made(export: Path, out: Path, host: TensorRtHost, runtime: str) -> BuildManifest:
    order = EngineBuildRequest(
        MODEL_FOLDER, export, out, [ImageSize(128, 128)], batch_range(1, 2), "fp32", runtime=runtime
    )  # type: ignore[arg-type]
    return build_engine_folder(prepare_build(order, str), str, lambda: host)


def feeds(batch: int, tokens: int) -> dict[str, torch.Tensor]:
    sizes = {
        **fixed_axis_sizes(*component_configs(MODEL_FOLDER)),
        "batch": batch,
        "image_tokens": tokens,
        "caption_tokens": 64,
    }
    shapes = {port.name: [int(axis) for axis in port.shape(sizes)] for port in TRANSFORMER.inputs}
    return {
        port.name: torch.ones(shapes[port.name], dtype=torch.bool if port.element_type == "bool" else torch.float32)
        for port in TRANSFORMER.inputs
    }


@pytest.mark.parametrize("runtime", ["tensorrt", "onnxruntime"])
def test_both_runtimes_give_one_answer_and_refuse_the_same_shapes(
    small_export: Path, tmp_path: Path, host: TensorRtHost, runtime: str
) -> None:
    card = made(small_export, tmp_path, host, runtime)
    opened = load_engine_folder(tmp_path, card, host_for(card, lambda: host))
    assert (opened.transformer.name, opened.vae_decoder.name) == (runtime, runtime)
    answer = opened.transformer.run(feeds(2, 32))["velocity"]
    assert torch.equal(answer, torch.full((2, 32, 64), 1.0 + 64 * 96))
    for batch, tokens in ((3, 32), (1, 64)):
        with pytest.raises(UnsupportedShape, match="The transformer was built for batch 1 to 2, image_tokens 32"):
            opened.transformer.run(feeds(batch, tokens))
    picture = opened.vae_decoder.run({"latents": torch.ones(1, 16, 8, 8)})["images"]
    assert picture.shape == (1, 3, 128, 128)
    with pytest.raises(UnsupportedShape, match="latent_rows 8"):
        opened.vae_decoder.run({"latents": torch.ones(1, 16, 8, 16)})
    opened.close()


def test_a_machine_is_asked_for_only_where_there_are_plans(
    small_export: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    def nowhere() -> TensorRtHost:
        raise EngineUnsuitable("There is no GPU here.")

    card = made(small_export, tmp_path, host, "onnxruntime")
    assert host_for(card, nowhere) is None
    with pytest.raises(EngineUnsuitable, match="no GPU"):
        host_for(made(small_export, tmp_path, host, "tensorrt"), nowhere)


def test_an_engine_of_another_machine_is_refused(small_export: Path, tmp_path: Path, host: TensorRtHost) -> None:
    card = made(small_export, tmp_path, host, "tensorrt")
    other = replace(host, machine=replace(host.machine, gpu="NVIDIA H100"))
    with pytest.raises(EngineUnsuitable, match=r"'NVIDIA H200' .* and this is 'NVIDIA H100'"):
        host_for(card, lambda: other)


def test_a_folder_that_lacks_a_plan_is_refused(small_export: Path, tmp_path: Path, host: TensorRtHost) -> None:
    card = made(small_export, tmp_path, host, "tensorrt")
    (tmp_path / "vae_decoder" / "model.plan").unlink()
    with pytest.raises(EngineError, match=r"lacks 'vae_decoder/model\.plan': build it again"):
        load_engine_folder(tmp_path, card, host)


def test_s4_a_plan_outside_of_the_engines_folder_is_not_opened(
    small_export: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    card = made(small_export, tmp_path / "engine", host, "tensorrt")
    shutil.copyfile(tmp_path / "engine" / card.transformer.file, tmp_path / "plan")
    for file in ("/etc/hostname", "../plan", "transformer/../../plan"):
        other = card.model_copy(update={"transformer": card.transformer.model_copy(update={"file": file})})
        with pytest.raises(EngineError, match="which is outside: build it again"):
            load_engine_folder(tmp_path / "engine", other, host)


def test_plans_are_verified_one_after_the_other_whatever_scratch_each_wants(
    tiny_export: Path, tiny_model: Path, tmp_path: Path
) -> None:
    # Both sizes have as many tokens: one profile for the transformer, two for the decoder, which so wants more.
    sizes = [ImageSize(128, 64), ImageSize(64, 128)]
    order = EngineBuildRequest(tiny_model, tiny_export, tmp_path, sizes, batch_range(1, 2), "fp32")
    build_engine_folder(prepare_build(order, str), str, fake_tensorrt_host)
    verdict = verify_export(
        str(tiny_model),
        tiny_export,
        str,
        EngineGraphOpener(tmp_path, read_export_manifest(tiny_export), fake_tensorrt_host),
    )
    assert (verdict.runtime, verdict.passed) == ("tensorrt", True)
    assert {case.graph for case in verdict.cases} == {"transformer", "vae_decoder"}
