"""Graphs without CUDA: the stand-in replays by working again, so a mistake of keys, copies or padding is a picture."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.threaded import ThreadedEngine
from infra.engines.torch.cuda_graphs import RUNS_BEFORE_CAPTURE, CudaGraphAccelerator, CudaGraphCache
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.errors import EngineUnsuitable
from infra.interfaces import Frame, Prompt
from infra.models.loading import StoredPipeline
from infra.testing.fake_graph_capture import FakeGraphCapturer

TOLERANCE = 2
TEXTS = ("cat", "dog with hat", "a caption of more than thirty-two tokens, for there is a byte to each of them")


def doubled(numbers: torch.Tensor) -> torch.Tensor:
    return numbers * 2


def asked(cache: CudaGraphCache, shape: str, value: float, times: int = 1) -> float | None:
    found = None
    for _ in range(times):
        found = cache.run(shape, (torch.tensor([value]),), doubled)
    return None if found is None else float(found)


def test_a_shape_is_recorded_once_it_has_been_seen_and_replays_what_is_asked_for_now() -> None:
    recorder = FakeGraphCapturer()
    cache = CudaGraphCache(recorder, 10, runs_before_capture=2)
    assert [asked(cache, "a", value) for value in (1, 2, 3, 4)] == [None, None, 6, 8]
    assert (recorder.captured, recorder.replayed) == (1, 2)
    assert asked(cache, "b", 1) is None


def test_an_answer_is_not_overwritten_by_the_next_replay() -> None:
    cache = CudaGraphCache(FakeGraphCapturer(), 10, runs_before_capture=0)
    first = cache.run("a", (torch.tensor([1.0]),), doubled)
    cache.run("a", (torch.tensor([5.0]),), doubled)
    assert first is not None
    assert float(first) == 2


def test_the_least_recently_used_goes_when_the_budget_is_full() -> None:
    recorder = FakeGraphCapturer(size=4)
    cache = CudaGraphCache(recorder, 8, runs_before_capture=0)
    for shape in ("a", "b", "a", "c"):
        asked(cache, shape, 1)
    assert cache.memory_bytes == 8
    assert (recorder.captured, recorder.freed) == (3, 1)
    asked(cache, "a", 1)
    assert recorder.captured == 3
    asked(cache, "b", 1)
    assert recorder.captured == 4
    cache.clear()
    assert cache.memory_bytes == 0
    assert recorder.freed == 4


def test_what_is_larger_than_the_budget_runs_as_usual_for_ever_and_drops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = FakeGraphCapturer(size=4)
    cache = CudaGraphCache(recorder, 8, runs_before_capture=0)
    asked(cache, "a", 1)
    recorder.size = 9
    with caplog.at_level(logging.WARNING):
        assert asked(cache, "large", 1, times=3) is None
    assert recorder.captured == 2
    assert asked(cache, "a", 3) == 6
    assert [record.getMessage() for record in caplog.records] == [
        "graphs: the shape 'large' runs without a graph: it would hold 9 bytes of 8"
    ]


def test_what_cannot_be_recorded_runs_as_usual_and_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    recorder = FakeGraphCapturer()
    recorder.error = torch.OutOfMemoryError("out of memory, as ordered")
    cache = CudaGraphCache(recorder, 8, runs_before_capture=0)
    with caplog.at_level(logging.WARNING):
        assert asked(cache, "a", 1) is None
        recorder.error = None
        assert asked(cache, "a", 1) is None
    assert asked(cache, "b", 1) == 2
    assert "as ordered" in caplog.text


@pytest.fixture(scope="module")
def baseline_engine(tiny_model: Path) -> Iterator[ThreadedEngine]:
    engine = ThreadedEngine(DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32"), 2, 16)
    yield engine
    engine.close()


def prompts(count: int, guidance: float = 0.0) -> list[Prompt]:
    return [
        Prompt(str(number), TEXTS[number % 3], number, 32, 48, steps=3, guidance=guidance, negative="blurred")
        for number in range(count)
    ]


def pictures(engine: ThreadedEngine, wanted: list[Prompt]) -> dict[str, Any]:
    answers = list(engine.generate(wanted))
    assert all(isinstance(answer, Frame) for answer in answers), answers
    return {answer.key: answer.pixels.astype(int) for answer in answers if isinstance(answer, Frame)}


def test_pictures_from_recordings_are_those_of_diffusers_whatever_the_captions_real_length(
    tiny_model: Path, baseline_engine: ThreadedEngine
) -> None:
    recorder = FakeGraphCapturer()
    engine = ThreadedEngine(
        DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32", CudaGraphAccelerator(recorder, 100)), 2, 16
    )
    wanted = prompts(18)
    found, expected = pictures(engine, wanted), pictures(baseline_engine, wanted)
    assert max(int(np.abs(found[key] - expected[key]).max()) for key in expected) <= TOLERANCE
    # 6 batches of the short captions and 3 of the long one, 3 steps each: the first 8 steps of a shape run as usual
    assert recorder.captured == 2
    assert recorder.replayed == 27 - 2 * RUNS_BEFORE_CAPTURE
    assert recorder.threads == {engine._thread.ident}
    assert threading.get_ident() not in recorder.threads
    engine.close()
    assert recorder.freed == 2


def test_guidance_with_a_negative_of_another_length_runs_as_usual(
    tiny_model: Path, baseline_engine: ThreadedEngine
) -> None:
    recorder = FakeGraphCapturer()
    engine = ThreadedEngine(
        DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32", CudaGraphAccelerator(recorder, 100)), 2, 16
    )
    wanted = [prompt for prompt in prompts(18, guidance=2.0) if prompt.text == TEXTS[2]]
    found, expected = pictures(engine, wanted), pictures(baseline_engine, wanted)
    assert max(int(np.abs(found[key] - expected[key]).max()) for key in expected) <= TOLERANCE
    assert recorder.captured == 0
    engine.close()


def test_a_transformer_has_its_own_forward_again_after_a_release(tiny_model: Path) -> None:
    pipeline = StoredPipeline(str(tiny_model)).load_pipeline(torch.float32)
    graphs = CudaGraphAccelerator(FakeGraphCapturer(), 100)
    graphs.attach(pipeline)
    assert "forward" in vars(pipeline.transformer)
    assert pipeline.transformer.cap_embedder._forward_hooks
    graphs.free_memory()
    graphs.close()
    graphs.close()
    assert "forward" not in vars(pipeline.transformer)
    assert not pipeline.transformer.cap_embedder._forward_hooks


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_machine_without_cuda_is_told_so(tiny_model: Path) -> None:
    painter = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32", CudaGraphAccelerator())
    with pytest.raises(EngineUnsuitable, match="'graphs' needs a CUDA device"):
        painter.load()
