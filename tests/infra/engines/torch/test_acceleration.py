"""The seam of accelerators: what one replaces is not loaded, and it is attached and released around the painting."""

from collections.abc import Set
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.threaded import ThreadedEngine
from infra.engines.torch.acceleration import EagerAccelerator, open_accelerator
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.errors import EngineError
from infra.interfaces import Frame, Prompt
from infra.models.loading import StoredPipeline


class TransformerReplacement:
    """Brings the transformer of another copy of the model, as an engine of another runtime would."""

    name = "bringing"
    replaces: Set[str] = frozenset({"transformer"})

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer
        self.found: list[Any] = []
        self.spared = self.released = 0

    def attach(self, pipeline: Any) -> None:
        self.found.append(pipeline.transformer)
        pipeline.transformer = self.transformer

    def free_memory(self) -> None:
        self.spared += 1

    def close(self) -> None:
        self.released += 1


def test_a_component_that_an_accelerator_brings_is_not_loaded_and_the_picture_is_the_same(
    tiny_model: Path,
) -> None:
    weights = StoredPipeline(str(tiny_model))
    bringing = TransformerReplacement(weights.load_pipeline(torch.float32).transformer)
    pictures = []
    for accelerator in (bringing, EagerAccelerator()):
        painter = DiffusersBackend(weights, "fp32", accelerator)
        painter.load()
        (frame,) = painter.generate_batch([Prompt("p", "cat", 3, 32, 32, steps=2)])
        assert isinstance(frame, Frame)
        pictures.append(frame.pixels)
        painter.close()
    assert bringing.found == [None]
    assert bringing.released == 1
    assert (pictures[0] == pictures[1]).all()


def test_what_can_be_made_again_is_freed_before_a_smaller_batch_is_tried(tiny_model: Path) -> None:
    weights = StoredPipeline(str(tiny_model))
    bringing = TransformerReplacement(weights.load_pipeline(torch.float32).transformer)

    def refuse(_model: object, inputs: tuple[list[object], ...]) -> None:
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory, as ordered")

    bringing.transformer.register_forward_pre_hook(refuse)
    engine = ThreadedEngine(DiffusersBackend(weights, "fp32", bringing), 2, 4)
    answers = list(engine.generate([Prompt(str(seed), "cat", seed, 32, 32, steps=1) for seed in range(2)]))
    assert all(isinstance(answer, Frame) for answer in answers)
    assert bringing.spared == 1
    engine.close()


def test_an_accelerator_is_opened_by_its_name() -> None:
    assert [open_accelerator(name).name for name in ("eager", "compile", "graphs")] == ["eager", "compile", "graphs"]
    with pytest.raises(EngineError, match="no acceleration 'fast': choose 'eager', 'compile' or 'graphs'"):
        open_accelerator("fast")
