"""The graphs in ONNX Runtime give what diffusers gives, in fp32."""

from pathlib import Path
from typing import Any

import pytest
import torch

from infra.onnx_graphs.graph_spec import GRAPHS, OPSET, fixed_axis_sizes
from infra.onnx_graphs.onnx_runtime import OnnxRuntime
from infra.onnx_graphs.preprocessing import (
    RopeConfig,
    latents_from_patches,
    position_inputs,
    run_transformer_step,
    transformer_inputs,
)
from tests.infra.onnx_graphs.transformer_batches import max_abs_difference, random_batch, run_diffusers

onnx = pytest.importorskip("onnx")

TOLERANCE = 1e-4
"""Absolute, on answers of about 2.3; 1e-6 was seen."""

CASES = (
    (16, 24, (9,)),
    (32, 32, (65, 96, 70, 80)),  # one padded length, four real ones
    (20, 12, (40, 64)),  # 60 tokens: the image is padded too
    (16, 24, (31, 1, 32)),
    (20, 12, (129, 140, 160)),
)


@pytest.mark.parametrize(("rows", "columns", "captions"), CASES)
def test_the_transformer_graph_gives_what_diffusers_gives(
    tiny_pipeline: Any, transformer_session: OnnxRuntime, rows: int, columns: int, captions: tuple[int, ...]
):
    batch = random_batch(tiny_pipeline.transformer, rows, columns, captions)
    made = run_transformer_step(transformer_session, *batch, RopeConfig.from_config(tiny_pipeline.transformer.config))
    assert max_abs_difference(made, run_diffusers(tiny_pipeline.transformer, batch)) <= TOLERANCE


def test_mixed_captions_come_out_right_when_they_are_grouped_by_padded_length(
    tiny_pipeline: Any, transformer_session: OnnxRuntime
):
    """diffusers runs them in one batch behind a mask; the graph has none, and needs none, in groups."""
    batch = random_batch(tiny_pipeline.transformer, 16, 24, (9, 70, 31, 96))
    made = run_transformer_step(transformer_session, *batch, RopeConfig.from_config(tiny_pipeline.transformer.config))
    assert max_abs_difference(made, run_diffusers(tiny_pipeline.transformer, batch)) <= TOLERANCE


def test_the_comparison_notices_captions_whose_positions_are_off_by_32(
    tiny_pipeline: Any, transformer_session: OnnxRuntime
):
    batch = random_batch(tiny_pipeline.transformer, 16, 24, (9, 20))
    rope = RopeConfig.from_config(tiny_pipeline.transformer.config)
    feeds = transformer_inputs(*batch, rope)
    moved = position_inputs(rope, 16, 24, 64, device=torch.device("cpu"))
    wrong = {
        **feeds,
        "caption_cosines": moved["caption_cosines"][32:],
        "caption_sines": moved["caption_sines"][32:],
    }
    made = latents_from_patches(transformer_session.run(wrong)["velocity"], 16, 24)
    assert max_abs_difference(made, run_diffusers(tiny_pipeline.transformer, batch)) > 1e-2


@pytest.mark.parametrize("shape", [(1, 16, 24), (4, 8, 8), (2, 20, 12)])
def test_the_decoder_graph_gives_what_diffusers_gives(
    tiny_pipeline: Any, tiny_export: Path, shape: tuple[int, int, int]
):
    batch, rows, columns = shape
    latents = torch.randn(batch, tiny_pipeline.vae.config.latent_channels, rows, columns)
    decoder = OnnxRuntime(tiny_export / "vae_decoder" / "model.onnx", threads=1)
    with torch.no_grad():
        wanted = tiny_pipeline.vae.decode(latents, return_dict=False)[0]
    assert max_abs_difference([decoder.run({"latents": latents})["images"]], [wanted]) <= TOLERANCE


def test_a_graph_has_the_inputs_and_outputs_that_the_contract_says(tiny_pipeline: Any, tiny_export: Path):
    sizes = fixed_axis_sizes(tiny_pipeline.transformer.config, tiny_pipeline.vae.config)
    for graph in GRAPHS:
        model = onnx.load(tiny_export / graph.name / "model.onnx", load_external_data=False)
        said = {each.name: _axes(each) for each in (*model.graph.input, *model.graph.output)}
        wanted = {port.name: port.shape(sizes) for port in (*graph.inputs, *graph.outputs)}
        for name, axes in wanted.items():
            fixed = [axis for axis in axes if isinstance(axis, int)]
            assert [axis for axis in said[name] if isinstance(axis, int)] == fixed, name
            assert len(said[name]) == len(axes), name
        assert set(said) == set(wanted)
        assert [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")] == [OPSET]


def test_the_transformer_graph_holds_dense_arithmetic_only(tiny_export: Path):
    model = onnx.load(tiny_export / "transformer" / "model.onnx", load_external_data=False)
    operators = {node.op_type for node in model.graph.node}
    assert {"Attention", "RMSNormalization"} <= operators
    assert not operators & {"Range", "Mod", "GatherND", "ScatterND", "NonZero", "Loop", "If", "Softmax"}
    assert all(len(node.input) == 3 for node in model.graph.node if node.op_type == "Attention")  # no mask


def test_weights_lie_beside_the_graph(tiny_pipeline: Any, tiny_export: Path):
    weights = sum(weight.nbytes for weight in tiny_pipeline.transformer.parameters())
    assert (tiny_export / "transformer" / "model.onnx.data").stat().st_size >= 0.9 * weights
    assert (tiny_export / "transformer" / "model.onnx").stat().st_size < 0.5 * weights


def _axes(value: Any) -> tuple[Any, ...]:
    return tuple(axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim)


def test_a_graph_says_nothing_of_the_machine_that_wrote_it(tiny_export: Path):
    for graph in GRAPHS:
        written = (tiny_export / graph.name / "model.onnx").read_bytes()
        assert b"site-packages" not in written
        assert b".py" not in written
