"""The tiny Z-Image and its graphs, exported once a session."""

from pathlib import Path
from typing import Any

import pytest

from infra.onnx_graphs.running import OnnxRuntime
from tests.infra.engines.conftest import tiny_checkpoint

__all__ = ["tiny_checkpoint"]


@pytest.fixture(scope="session")
def tiny(tiny_checkpoint: Path) -> Any:
    diffusers = pytest.importorskip("diffusers")
    return diffusers.ZImagePipeline.from_pretrained(str(tiny_checkpoint))


@pytest.fixture(scope="session")
def graphs(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript")
    from infra.onnx_graphs.writing import write_transformer, write_vae_decoder

    folder = tmp_path_factory.mktemp("graphs")
    write_transformer(tiny.transformer, folder / "transformer")
    write_vae_decoder(tiny.vae, folder / "vae_decoder")
    return folder


@pytest.fixture(scope="session")
def transformer_graph(graphs: Path) -> OnnxRuntime:
    return OnnxRuntime(graphs / "transformer" / "model.onnx", threads=1)
