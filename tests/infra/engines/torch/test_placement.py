"""Offload over the table of cards: what fits, what takes turns, and what is said of it."""

import logging
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.torch.cuda_graphs import CudaGraphAccelerator
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.engines.torch.placement import (
    WORKSPACE_BYTES,
    bytes_to_move,
    choose_offload,
    describe_offload,
    place_pipeline,
)
from infra.errors import EngineUnsuitable
from infra.evaluation.random_models import RandomPipeline
from infra.interfaces import Frame, Prompt
from infra.models.loading import StoredPipeline
from infra.testing.fake_graph_capture import FakeGraphCapturer

GIB = 2**30
TURBO = {"transformer": 12_310_000_000, "text_encoder": 8_040_000_000, "vae": 168_000_000}
"""Bytes in bf16: 6.155, 4.02 and 0.084 billion parameters. Base is the same network."""
OMNI = {**TURBO, "transformer": 13_020_000_000, "siglip": 860_000_000}
"""Omni's transformer has two blocks more, for pictures that go in; and what reads them."""
EIGHT_BIT = {**TURBO, "transformer": 6_900_000_000}
SMALL = {"transformer": 1_000_000_000, "text_encoder": 1_000_000_000, "vae": 100_000_000}

TABLE = [
    # model, card, what: 0.6 GiB of a card are the driver's and the desktop's
    ("turbo", TURBO, 24, "none"), ("turbo", TURBO, 16, "model"), ("turbo", TURBO, 12, "sequential"),
    ("turbo", TURBO, 8, "sequential"), ("turbo", TURBO, 6, "sequential"),
    ("base", TURBO, 24, "none"), ("base", TURBO, 16, "model"), ("base", TURBO, 12, "sequential"),
    ("base", TURBO, 8, "sequential"), ("base", TURBO, 6, "sequential"),
    ("omni", OMNI, 24, "none"), ("omni", OMNI, 16, "model"), ("omni", OMNI, 12, "sequential"),
    ("omni", OMNI, 8, "sequential"), ("omni", OMNI, 6, "sequential"),
    ("turbo in fp8", EIGHT_BIT, 24, "none"), ("turbo in fp8", EIGHT_BIT, 16, "model"),
    ("turbo in fp8", EIGHT_BIT, 12, "model"), ("turbo in fp8", EIGHT_BIT, 8, "sequential"),
    ("small", SMALL, 6, "none"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "sizes", "card", "expected"), TABLE)
def test_what_each_model_does_on_each_card(model: str, sizes: dict[str, int], card: int, expected: str) -> None:
    assert choose_offload(sizes, int((card - 0.6) * GIB)) == expected


def test_the_boundaries_are_where_the_sums_are() -> None:
    sizes = {"a": 60, "b": 40}
    assert choose_offload(sizes, 110, workspace_bytes=10) == "none"
    assert choose_offload(sizes, 109, workspace_bytes=10) == "model"
    assert choose_offload(sizes, 70, workspace_bytes=10) == "model"
    assert choose_offload(sizes, 69, workspace_bytes=10) == "sequential"
    assert choose_offload(sizes, 10, workspace_bytes=10) == "sequential"
    with pytest.raises(EngineUnsuitable, match=r"has 0\.0 GB free"):
        choose_offload(sizes, 9, workspace_bytes=10)


def test_the_choice_is_said_with_its_numbers() -> None:
    assert describe_offload("model", TURBO, 16_500_000_000) == (
        "The model's 20.5 GB do not fit the 16.5 GB that are free on the GPU: its components take turns there "
        "(model CPU offload)."
    )
    assert "its layers take turns there, which is slow" in describe_offload("sequential", TURBO, 8_000_000_000)
    assert (
        describe_offload("none", SMALL, 6_000_000_000) == "The model's 2.1 GB fit the 6.0 GB that are free on the GPU."
    )


def test_bytes_are_those_of_the_weights_as_they_were_loaded(tiny_model: Path) -> None:
    weights = StoredPipeline(str(tiny_model))
    full, half = (bytes_to_move(weights.load_pipeline(dtype)) for dtype in (torch.float32, torch.bfloat16))
    assert set(full) == {"transformer", "text_encoder", "vae"}
    assert full["transformer"] == 2 * half["transformer"]
    assert "transformer" not in bytes_to_move(weights.load_pipeline(torch.float32, frozenset({"transformer"})))


def test_on_a_cpu_all_stays_where_it_is_and_nothing_is_said(tiny_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "infra.engines.torch.placement"):
        assert place_pipeline(StoredPipeline(str(tiny_model)).load_pipeline(torch.float32), "cpu") == "none"
    assert caplog.records == []


def test_components_that_take_turns_paint_the_same_picture(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Their turns are taken by the same hooks on a CPU, where there is nowhere to go.
    weights = RandomPipeline("tiny", "cpu")
    free = WORKSPACE_BYTES + max(bytes_to_move(weights.load_pipeline(torch.float32)).values())
    prompts = [Prompt(str(seed), "cat " * seed, seed, 32, 32, steps=2) for seed in (1, 2)]
    pictures = []
    for there in (None, free):
        monkeypatch.setattr(
            "infra.engines.torch.diffusers_backend.place_pipeline",
            lambda pipeline, device, there=there: place_pipeline(pipeline, device, there),
        )
        painter = DiffusersBackend(weights, "fp32")
        painter.load()
        assert hasattr(painter._pipeline.transformer, "_hf_hook") == (there is not None)
        for _ in range(2):
            frames = painter.generate_batch(prompts)
        pictures.append([frame.pixels for frame in frames if isinstance(frame, Frame)])
        painter.close()
    assert len(pictures[0]) == 2
    assert all((some == other).all() for some, other in zip(*pictures, strict=True))
    assert "its components take turns there" in caplog.text


def test_graphs_need_the_whole_model_on_the_device() -> None:
    pipeline = RandomPipeline("tiny", "cpu").load_pipeline(torch.float32)
    pipeline.enable_model_cpu_offload(device="cpu")
    with pytest.raises(EngineUnsuitable, match="'graphs' needs the whole model on the device"):
        CudaGraphAccelerator(FakeGraphCapturer(), 1).attach(pipeline)
