"""Graphs with the real inputs and outputs and hardly any arithmetic, as an export would leave them in a folder.

The transformer answers its patches times the timestep, plus the sum of the caption; the decoder repeats three channels.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from infra.engines.tensorrt.model_configs import component_configs, pixels_per_latent
from infra.models.model_files import model_folder_digest
from infra.onnx_graphs.export_manifest import ExportManifest, hash_export_files, write_export_manifest
from infra.onnx_graphs.graph_spec import OPSET, TRANSFORMER, VAE_DECODER, GraphSpec, TensorSpec, fixed_axis_sizes

SIZES = {"patch_channels": 64, "caption_channels": 8, "rotations": 4, "latent_channels": 16}
"""The axes that a model fixes."""
KINDS = {"precision": TensorProto.FLOAT, "fp32": TensorProto.FLOAT, "bool": TensorProto.BOOL}


def write_small_graphs(folder: Path, sizes: Mapping[str, int] = SIZES, pixels: int = 8) -> Path:
    """Write both graphs as an export has them, for latents of that many pixels a side, and return the folder."""
    weigh = [
        helper.make_node("ReduceSum", ["caption_features", "axes"], ["caption"], keepdims=1),
        helper.make_node("Unsqueeze", ["timestep", "last"], ["column"]),
        helper.make_node("Unsqueeze", ["column", "last"], ["time"]),
        helper.make_node("Mul", ["image_patches", "time"], ["moved"]),
        helper.make_node("Add", ["moved", "caption"], ["velocity"]),
    ]
    axes = {"axes": [1, 2], "last": [-1]}
    _write(TRANSFORMER, weigh, axes, sizes, folder)
    enlarge = [
        helper.make_node("Slice", ["latents", "first", "third", "channels"], ["colours"]),
        helper.make_node("Resize", ["colours", "", "scales"], ["images"], mode="nearest"),
    ]
    held = {"first": [0], "third": [3], "channels": [1], "scales": [1.0, 1.0, float(pixels), float(pixels)]}
    _write(VAE_DECODER, enlarge, held, sizes, folder)
    return folder


def write_small_export(folder: Path, model: Path, precision: str = "fp32") -> Path:
    """Write small graphs for a model's sizes, with the card that says that they are an export of it."""
    transformer, vae = component_configs(model)
    write_small_graphs(folder, fixed_axis_sizes(transformer, vae), pixels_per_latent(vae))
    told = {"inputs": [], "outputs": []}
    card = ExportManifest(
        model=str(model),
        weights_digest=model_folder_digest(model),
        precision=precision,
        opset=OPSET,
        made_at="2026-11-23T00:00:00+00:00",
        versions={},
        graphs={TRANSFORMER.name: told, VAE_DECODER.name: told},
        files=hash_export_files(folder),
    )
    write_export_manifest(folder, card)
    return folder


def transformer_feeds(batch: int, tokens: int, caption: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs of these sizes, random where they are numbers."""
    sizes = {**SIZES, "batch": batch, "image_tokens": tokens, "caption_tokens": caption}
    noise = torch.Generator().manual_seed(seed)
    return {
        port.name: torch.ones(_shape(port, sizes), dtype=torch.bool)
        if port.element_type == "bool"
        else torch.rand(_shape(port, sizes), generator=noise)
        for port in TRANSFORMER.inputs
    }


def transformer_answer(feeds: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return what the small transformer should say."""
    caption = feeds["caption_features"].sum(dim=(1, 2), keepdim=True)
    return feeds["image_patches"] * feeds["timestep"][:, None, None] + caption


def block_graph(folder: Path, kind: int = TensorProto.BFLOAT16, blocks: int = 2) -> Path:
    """Write a graph with the products of blocks in the exporter's order and names, and no other arithmetic."""
    nodes, held, before = [], [], "tokens"

    def weight(name: str, rows: int, columns: int) -> str:
        numbers = np.random.default_rng(len(held)).normal(size=(rows, columns)).astype(np.float32)
        raw = numbers.astype(ml_dtypes.bfloat16).tobytes() if kind == TensorProto.BFLOAT16 else numbers.tobytes()
        held.append(onnx.TensorProto(name=name, data_type=kind, dims=[rows, columns], raw_data=raw))
        return name

    def product(source: str, name: str) -> str:
        nodes.append(helper.make_node("MatMul", [source, weight(f"val_{len(held)}", 4, 4)], [name]))
        return name

    for block in range(blocks):
        modulation = weight(f"joint_blocks.{block}.adaLN_modulation.0.weight", 4, 4)
        nodes.append(helper.make_node("MatMul", [before, modulation], [f"modulated{block}"]))
        nodes.append(helper.make_node("Tanh", [f"modulated{block}"], [f"in{block}"]))
        made = [product(f"in{block}", f"{part}{block}") for part in "qkv"]
        nodes.append(helper.make_node("Sum", made, [f"mixed{block}"]))
        out = product(f"mixed{block}", f"out{block}")
        halves = [product(out, f"w1{block}"), product(out, f"w3{block}")]
        nodes.append(helper.make_node("Sum", halves, [f"gated{block}"]))
        before = product(f"gated{block}", f"w2{block}")
    final = weight("finish.linear.weight", 4, 4)
    nodes.append(helper.make_node("MatMul", [before, final], ["velocity"]))
    ports = [helper.make_tensor_value_info(name, kind, [1, "tokens", 4]) for name in ("tokens", "velocity")]
    graph = helper.make_graph(nodes, "blocks", ports[:1], ports[1:], held)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10), folder / "model.onnx"
    )
    return folder / "model.onnx"


def _shape(port: TensorSpec, sizes: dict[str, int]) -> list[int]:
    return [int(axis) for axis in port.shape(sizes)]


def _write(
    graph: GraphSpec, nodes: list[Any], constants: dict[str, list[Any]], sizes: Mapping[str, int], folder: Path
) -> None:
    held = [
        helper.make_tensor(
            name, TensorProto.FLOAT if isinstance(values[0], float) else TensorProto.INT64, [len(values)], values
        )
        for name, values in constants.items()
    ]
    ports = [
        [helper.make_tensor_value_info(port.name, KINDS[port.element_type], port.shape(sizes)) for port in side]
        for side in (graph.inputs, graph.outputs)
    ]
    made = helper.make_graph(nodes, graph.name, *ports, held)
    path = folder / graph.name / "model.onnx"
    path.parent.mkdir(parents=True)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10), path)
