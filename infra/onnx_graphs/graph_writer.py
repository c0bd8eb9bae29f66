"""Graph writer: exports a component through torch's exporter, opset 23, with weights beside the graph.

Inputs: a diffusers transformer or VAE on the CPU, in the precision that the graph shall have. Outputs: `model.onnx` and
`model.onnx.data` in a folder.
Weights stay where they are in memory: no second copy is made of 12 GB.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch

from infra.errors import EngineError
from infra.onnx_graphs.export_modules import LatentDecoder, TokenTransformer
from infra.onnx_graphs.graph_spec import DYNAMIC_AXES, OPSET, TOKEN_MULTIPLE, TRANSFORMER, VAE_DECODER, GraphSpec
from infra.onnx_graphs.preprocessing import RopeConfig, transformer_inputs

MODEL_FILE = "model.onnx"
DATA_FILE = "model.onnx.data"

EXAMPLE_SIDE = 16
"""Latent pixels of the traced example. Its axes are dynamic, so the graph does not keep its size; its batch must be 2,
since the exporter takes 1 for a constant."""


def write_transformer(transformer: Any, folder: Path) -> None:
    """Write diffusers' `ZImageTransformer2DModel` as a graph into `folder`, which is created."""
    config = transformer.config
    dtype = transformer.x_pad_token.dtype
    latents = [torch.zeros(config.in_channels, 1, EXAMPLE_SIDE, EXAMPLE_SIDE, dtype=dtype)] * 2
    captions = [torch.zeros(TOKEN_MULTIPLE * 2, config.cap_feat_dim, dtype=dtype)] * 2
    feeds = transformer_inputs(latents, torch.full((2,), 0.5), captions, RopeConfig.from_config(config))
    _write_graph(TokenTransformer(transformer), TRANSFORMER, feeds, folder)


def write_vae_decoder(vae: Any, folder: Path) -> None:
    """Write the decoder of diffusers' `AutoencoderKL` as a graph into `folder`, which is created."""
    dtype = next(vae.decoder.parameters()).dtype
    latents = torch.zeros(2, vae.config.latent_channels, EXAMPLE_SIDE, EXAMPLE_SIDE // 2, dtype=dtype)
    _write_graph(LatentDecoder(vae), VAE_DECODER, {"latents": latents}, folder)


def _write_graph(
    module: torch.nn.Module, graph: GraphSpec, example_inputs: dict[str, torch.Tensor], folder: Path
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    axes = {axis: torch.export.Dim(axis, min=1) for axis in DYNAMIC_AXES}
    dynamic = {
        port.name: {index: axes[axis] for index, axis in enumerate(port.axes) if axis in axes} for port in graph.inputs
    }
    with _silence_exporter(), torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            tuple(example_inputs[port.name] for port in graph.inputs),
            dynamo=True,
            opset_version=OPSET,
            input_names=[port.name for port in graph.inputs],
            output_names=[port.name for port in graph.outputs],
            dynamic_shapes=dynamic,
            verbose=False,
        )
        if program is None:
            raise EngineError(f"The {graph.name} could not be exported: torch returned no program.")
        program.save(folder / MODEL_FILE, external_data=True)
    _strip_metadata(folder / MODEL_FILE)


def _strip_metadata(path: Path) -> None:
    """Remove the exporter's notes: they name files of this machine, so equal models would not be equal files."""
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    for message in (model, graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        del message.metadata_props[:]
        message.doc_string = ""
    onnx.save(model, path)
    onnx.checker.check_model(str(path))


@contextlib.contextmanager
def _silence_exporter() -> Iterator[None]:
    """Silence the exporter's output: notes for torch's developers, on every run."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    before = [logger.level for logger in loggers]
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
