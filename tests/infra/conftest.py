"""The tiny checkpoint, built once a session (seconds)."""

from pathlib import Path

import pytest

from tests.fixtures.tiny_checkpoint import build_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    # A second thread makes tensors this small no faster, and much slower on a machine that has other work.
    torch.set_num_threads(1)
    return build_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def small_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ONNX graphs of hardly any arithmetic."""
    for name in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(name)
    from tests.fixtures.small_onnx_graphs import write_small_graphs

    return write_small_graphs(tmp_path_factory.mktemp("small"))
