"""What every painter promises its engine, asked of the stub, of the faulty one and of Z-Image."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from infra.engines.backend import Backend
from infra.engines.stub.stub_backend import StubBackend
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.interfaces import Frame, Prompt
from infra.models.loading import StoredPipeline
from infra.testing.faulty_engine import FaultyBackend


@pytest.fixture(params=["stub", "faulty", "torch"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    painters: dict[str, Backend] = {"stub": StubBackend(), "faulty": FaultyBackend()}
    if request.param == "torch":
        pytest.importorskip("diffusers")
        checkpoint: Path = request.getfixturevalue("tiny_model")
        painters["torch"] = DiffusersBackend(StoredPipeline(str(checkpoint)), "fp32")
    chosen = painters[request.param]
    chosen.load()
    yield chosen
    chosen.close()
    chosen.close()


def pictures(backend: Backend, prompts: list[Prompt]) -> list[Frame]:
    answers = backend.generate_batch(prompts)
    assert [answer.key for answer in answers] == [prompt.key for prompt in prompts]
    return [answer for answer in answers if isinstance(answer, Frame)]


def test_a_batch_is_answered_in_order_with_pictures_of_the_size_asked_for(backend: Backend) -> None:
    prompts = [Prompt(key, "a mug", seed, 48, 32, steps=1) for seed, key in enumerate("zxy")]
    frames = pictures(backend, prompts)
    assert [frame.pixels.shape for frame in frames] == [(32, 48, 3)] * 3
    assert {frame.pixels.dtype for frame in frames} == {np.dtype(np.uint8)}
    assert not np.array_equal(frames[0].pixels, frames[1].pixels)
    for frame, again in zip(frames, pictures(backend, prompts), strict=True):
        assert np.array_equal(frame.pixels, again.pixels)


def test_a_frame_shares_no_memory_with_the_others_of_its_batch(backend: Backend) -> None:
    frames = pictures(backend, [Prompt(str(seed), "a mug", seed, 32, 32, steps=1) for seed in range(2)])
    kept = frames[1].pixels.copy()
    frames[0].pixels[:] = 77
    assert np.array_equal(frames[1].pixels, kept)


def test_keys_and_seeds_do_not_part_a_group_but_sizes_do(backend: Backend) -> None:
    first = backend.batch_key(Prompt("a", "a mug", 1, 48, 32))
    assert hash(first) == hash(backend.batch_key(Prompt("b", "a mug", 2, 48, 32)))
    assert first == backend.batch_key(Prompt("b", "a mug", 2, 48, 32))
    assert first != backend.batch_key(Prompt("a", "a mug", 1, 32, 48))
