"""Small graphs and the machine that answers to TensorRT's names, for every test of this folder."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from infra.engines.tensorrt.engine_open import TensorRtHost
from infra.nano import MODEL_FOLDER
from tests.fixtures.small_onnx_graphs import write_small_export
from tests.fixtures.tensorrt_host import fake_tensorrt_host


@pytest.fixture(scope="session")
def small_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return graphs of hardly any arithmetic that say they are packshot-nano's."""
    return write_small_export(tmp_path_factory.mktemp("exports") / "nano", MODEL_FOLDER)


@pytest.fixture
def host() -> TensorRtHost:
    return fake_tensorrt_host()
