"""The tiny Z-Image, and its graphs in ONNX Runtime."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_model: Path) -> Any:
    diffusers = pytest.importorskip("diffusers")
    return diffusers.ZImagePipeline.from_pretrained(str(tiny_model))


@pytest.fixture(scope="session")
def transformer_session(tiny_export: Path) -> Any:
    from infra.onnx_graphs.onnx_runtime import OnnxRuntime

    return OnnxRuntime(tiny_export / "transformer" / "model.onnx", threads=1)
