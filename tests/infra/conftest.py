"""Graphs of hardly any arithmetic, written once a session."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ONNX graphs of hardly any arithmetic."""
    for name in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(name)
    from tests.fixtures.small_onnx_graphs import write_small_graphs

    return write_small_graphs(tmp_path_factory.mktemp("small"))
