"""The tiny Z-Image and its export: made once, for all test processes and all of their files.

The exporter takes seconds even for a tiny model, so whoever comes first makes it, and the others wait for a lock.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.engines.tiny_checkpoint import build_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return _once(tmp_path_factory, "tiny-model", lambda folder: build_tiny_checkpoint(folder))


@pytest.fixture(scope="session")
def tiny_export(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript")
    from infra.onnx_graphs.model_export import export_model

    return _once(tmp_path_factory, "tiny-export", lambda folder: export_model(str(tiny_model), folder, "fp32", print))


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder
