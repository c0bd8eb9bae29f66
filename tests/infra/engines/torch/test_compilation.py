"""Compiled blocks: the same picture, or a plain word where nothing can be compiled."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("diffusers")

from infra.engines.torch.compilation import CompileAccelerator
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.interfaces import Frame, Prompt
from infra.models.loading import StoredPipeline
from tests.fixtures.kept_regions import kept_region


@pytest.mark.slow
def test_without_a_compiler_it_says_what_to_install(tiny_model: Path, tmp_path: Path) -> None:
    # In a process of its own: torch remembers for good which compilers it has found.
    code = (
        "import sys\n"
        "from infra.engines import open_engine\n"
        "from infra.engines.spec import EngineSpec\n"
        "open_engine(EngineSpec('torch', sys.argv[1], acceleration='compile'))\n"
    )
    environment = {**os.environ, "CXX": str(tmp_path / "no-such-compiler"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_model)], env=environment, capture_output=True, text=True, check=False
    )
    assert "EngineUnsuitable: The acceleration 'compile' does not work here" in done.stderr
    assert "install a C++ compiler (and Triton for CUDA), or choose 'eager'" in done.stderr


@pytest.mark.slow
def test_compiled_blocks_paint_the_same_picture(tiny_model: Path) -> None:
    pictures = []
    for accelerator in (CompileAccelerator(), None):
        painter = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32", accelerator)
        painter.load()
        plain = [Prompt(str(seed), "cat", seed, 32, 32, steps=2) for seed in range(2)]
        scenes = [replace(prompt, kept_region=kept_region(32, 32, 1.2)) for prompt in plain]
        frames = [*painter.generate_batch(plain), *painter.generate_batch(scenes)]
        compiled = [block for block in painter._pipeline.transformer.layers if block._compiled_call_impl is not None]
        assert len(compiled) == (2 if accelerator else 0)
        assert all(isinstance(frame, Frame) for frame in frames)
        pictures.append([frame.pixels.astype(int) for frame in frames if isinstance(frame, Frame)])
        painter.close()
    assert int(np.abs(np.array(pictures[0]) - np.array(pictures[1])).max()) <= 2
