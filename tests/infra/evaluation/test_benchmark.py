"""The bench measures what it says; what cannot be measured is a row with its reason. No speed is anybody's test."""

from collections.abc import Sequence

import pytest

pytest.importorskip("diffusers")

import torch

from infra.errors import EngineError
from infra.evaluation.benchmark import BACKEND_FACTORIES, REFERENCE_BACKEND, measure_backends
from infra.evaluation.benchmark_cases import BenchmarkCase, ModelSizes
from infra.evaluation.random_models import RandomPipeline
from infra.interfaces import Failure, Frame, Prompt
from infra.testing.faulty_engine import FaultyBackend

TINY = RandomPipeline("tiny", "cpu")
CASES = [BenchmarkCase(32, 1, 2, 3), BenchmarkCase(32, 2, 2, 3)]


class LowMemoryBackend(FaultyBackend):
    """Has memory for one small picture at a time."""

    def __init__(self) -> None:
        super().__init__(capacity=32 * 32)


class DeviceLosingBackend(FaultyBackend):
    """Loses its device with the first picture."""

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        raise EngineError(f"The device was lost with {len(prompts)} pictures, as ordered.")


class FailingBackend(FaultyBackend):
    """Finds fault with every picture."""

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        return [Failure(prompt.key, "It is black all over, as ordered.") for prompt in prompts]


def test_a_row_has_its_figures_and_they_agree_with_one_another() -> None:
    rows = list(measure_backends(TINY, "cpu", "fp32", CASES, {"eager": BACKEND_FACTORIES["eager"]}))
    assert [(row.backend, row.batch) for row in rows] == [
        (REFERENCE_BACKEND, 1),
        (REFERENCE_BACKEND, 2),
        ("eager", 1),
        ("eager", 2),
    ]
    assert [row.images for row in rows] == [3, 6, 3, 6]
    model = ModelSizes.from_pipeline(TINY.load_pipeline(torch.float32))
    for row in rows:
        assert row.reason == ""
        assert row.images_per_second is not None
        assert row.seconds_an_image == pytest.approx(1 / row.images_per_second)
        assert row.tflops_per_second == pytest.approx(row.images_per_second * model.flops(CASES[0]) / 1e12)
        assert row.peak_bytes is None or torch.cuda.is_available()
    for row, usual in zip(rows[2:], rows[:2], strict=True):
        assert usual.images_per_second is not None
        assert row.images_per_second is not None
        assert row.to_diffusers == pytest.approx(row.images_per_second / usual.images_per_second)
        assert row.idle_share is not None
        assert 0 <= row.idle_share < 1
        assert usual.idle_share is None


def test_what_this_machine_cannot_do_is_a_row_with_its_reason() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    backends = {
        **{name: BACKEND_FACTORIES[name] for name in ("graphs", "fp8")},
        "small": lambda _weights, _precision: LowMemoryBackend(),
        "lost": lambda _weights, _precision: DeviceLosingBackend(),
        "refusing": lambda _weights, _precision: FailingBackend(),
        "closed": lambda _weights, _precision: FaultyBackend(load_succeeds=False),
    }
    found = {(row.backend, row.batch): row for row in measure_backends(TINY, "cpu", "fp32", CASES, backends)}
    for batch in (1, 2):
        assert "needs a CUDA device" in found["graphs", batch].reason
        assert "A CPU cannot compute in 'fp8'" in found["fp8", batch].reason
        assert found["lost", batch].reason == "The device was lost with 1 pictures, as ordered."
        assert found["refusing", batch].reason == "It is black all over, as ordered."
        assert found["closed", batch].reason == "The backend was ordered not to load."
        assert found["fp8", batch].images_per_second is None
    assert found["small", 1].reason == ""
    assert found["small", 2].reason == "Batches were cut to 1: out of device memory."
    assert found["small", 2].images == 6


def test_a_model_that_cannot_be_opened_ends_the_bench() -> None:
    with pytest.raises(EngineError, match="no random model"):
        list(measure_backends(RandomPipeline("omni", "cpu"), "cpu", "fp32", CASES, {}))


def test_the_bench_has_an_entry_for_every_way_of_painting() -> None:
    assert list(BACKEND_FACTORIES)[:5] == ["eager", "compile", "graphs", "fp8", "fp8-compile"]


def test_no_two_cases_share_a_caption_and_all_are_as_long() -> None:
    cases = [BenchmarkCase(512, 1, 2, 3), BenchmarkCase(512, 4, 2, 3), BenchmarkCase(768, 1, 2, 3)]
    captions = [case.caption(number) for case in cases for number in range(8)]
    assert len(set(captions)) == len(captions)
    assert len(set(map(len, captions))) == 1


def test_a_size_that_diffusers_cannot_paint_is_a_row_with_its_reason() -> None:
    (row,) = measure_backends(TINY, "cpu", "fp32", [BenchmarkCase(1040, 1, 1, 1)], {})
    assert (row.backend, row.images) == (REFERENCE_BACKEND, 0)
    assert row.reason.startswith("diffusers cannot generate it: IndexError")
