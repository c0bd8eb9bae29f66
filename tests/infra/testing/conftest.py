"""Small graphs for the tests of the fake TensorRT."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from tests.fixtures.small_onnx_graphs import write_small_graphs

    return write_small_graphs(tmp_path_factory.mktemp("small"))
