"""How fast each way of painting is on this machine: end to end, beside diffusers as it comes, in one run.

Comes in: weights, sizes, batches, steps, the names of backends. Goes out: a row a case, as plain numbers; what this
machine cannot do is a row with its reason. Every case is warmed up first, and its clock covers all that an image takes
but the store: captions, painting, copying and encoding as PNG (on a thread beside the engine, as in a run; diffusers'
own loop encodes between two batches, as a plain script does). A backend is a function that returns a painter: one more
of them is one more entry in `BACKENDS`.
"""

import gc
import io
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.engines.backend import Backend
from infra.engines.threaded import ThreadedEngine
from infra.engines.torch.acceleration import open_accelerator
from infra.engines.torch.cuda_graphs import RUNS_BEFORE_CAPTURE
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.engines.torch.placement import place_pipeline
from infra.errors import EngineError
from infra.evaluation.benchmark_cases import BenchmarkCase, BenchmarkRow, ModelSizes
from infra.imaging.codecs import encode_png
from infra.interfaces import Failure, Frame, Prompt
from infra.models.loading import PipelineSource, weights_dtype

REFERENCE_BACKEND = "diffusers"
"""The row that the others are compared with: the pipeline called in a loop."""

MIN_WARM_UP_BATCHES = 2
"""Batches before the clock starts, at least: the first finds kernels and compiles, the second records graphs."""

BackendFactory = Callable[[PipelineSource, str], Backend]
"""Opens a painter of these weights; the precision is the run's, which a backend with one of its own leaves aside."""


def _torch_backend_factory(acceleration: str, precision: str | None = None) -> BackendFactory:
    return lambda weights, usual: DiffusersBackend(weights, precision or usual, open_accelerator(acceleration))


BACKEND_FACTORIES: dict[str, BackendFactory] = {
    "eager": _torch_backend_factory("eager"),
    "compile": _torch_backend_factory("compile"),
    "graphs": _torch_backend_factory("graphs"),
    "fp8": _torch_backend_factory("eager", "fp8"),
    "fp8-compile": _torch_backend_factory("compile", "fp8"),
}


def tensorrt_backend_factory(folder: Path) -> BackendFactory:
    """Return the backend that paints by the TensorRT engine in a folder, in that engine's precision."""
    from infra.engines.tensorrt.tensorrt_backend import create_tensorrt_backend

    return lambda weights, _: create_tensorrt_backend(folder, weights, None)


def measure_backends(
    weights: PipelineSource,
    device: str,
    precision: str,
    cases: Sequence[BenchmarkCase],
    backends: Mapping[str, BackendFactory],
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[BenchmarkRow]:
    """Yield a row a backend and case, diffusers' own first. Raises `EngineError` where the model cannot be opened."""
    progress("diffusers as it is")
    model, reference = _measure_diffusers(weights, device, precision, cases)
    rates = {(row.size, row.batch): row.images_per_second for row in reference}
    yield from reference
    for name, backend in backends.items():
        progress(name)
        for row in _measure_backend(name, backend(weights, precision), cases, model):
            usual = rates[row.size, row.batch]
            yield replace(row, to_diffusers=_rate_ratio(row.images_per_second, usual))


def _measure_diffusers(
    weights: PipelineSource, device: str, precision: str, cases: Sequence[BenchmarkCase]
) -> tuple[ModelSizes, list[BenchmarkRow]]:
    pipeline = weights.load_pipeline(weights_dtype(precision, device))
    pipeline.set_progress_bar_config(disable=True)
    place_pipeline(pipeline, device)
    model = ModelSizes.from_pipeline(pipeline)
    rows = [_time_diffusers_loop(pipeline, case, model) for case in cases]
    del pipeline
    _free_device_memory(device)
    return model, rows


def _time_diffusers_loop(pipeline: Any, case: BenchmarkCase, model: ModelSizes) -> BenchmarkRow:
    import torch

    def paint(prompts: Sequence[Prompt]) -> None:
        generators = [torch.Generator("cpu").manual_seed(each.seed) for each in prompts]
        images = pipeline(
            prompt=[each.text for each in prompts], height=case.size, width=case.size, num_inference_steps=case.steps,
            guidance_scale=0.0, generator=generators,
        ).images  # fmt: skip
        for image in images:
            image.save(io.BytesIO(), "PNG")

    batches = [case.prompts(number * case.batch, case.batch) for number in range(case.rounds + 1)]
    try:
        paint(batches[0])
        _reset_peak_memory()
        began = time.perf_counter()
        for batch in batches[1:]:
            paint(batch)
    except torch.OutOfMemoryError:
        return BenchmarkRow(REFERENCE_BACKEND, case.size, case.batch, "It does not fit the device's memory.")
    except (IndexError, RuntimeError, ValueError) as error:  # a size past the model's positions, for one
        return BenchmarkRow(
            REFERENCE_BACKEND, case.size, case.batch, f"diffusers cannot paint it: {type(error).__name__}: {error}"
        )
    return _completed_row(
        BenchmarkRow(REFERENCE_BACKEND, case.size, case.batch), case, time.perf_counter() - began, model
    )


@dataclass(eq=False)
class _BatchSizeProbe:
    """A painter, and the largest batch that it painted."""

    backend: Backend
    largest_batch: int = 0
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.backend.name

    def load(self) -> None:
        self.backend.load()

    def batch_key(self, prompt: Prompt) -> Hashable:
        return self.backend.batch_key(prompt)

    def generate_batch(self, prompts: Sequence[Prompt]) -> Sequence[Frame | Failure]:
        answers = self.backend.generate_batch(prompts)
        self.largest_batch = max(self.largest_batch, len(prompts))
        return answers

    def close(self) -> None:
        self.backend.close()


def _measure_backend(
    name: str, backend: Backend, cases: Sequence[BenchmarkCase], model: ModelSizes
) -> Iterator[BenchmarkRow]:
    watched = _BatchSizeProbe(backend)
    try:
        engine = ThreadedEngine(watched, 1, max(case.batch for case in cases) * 2)
    except EngineError as error:
        yield from (BenchmarkRow(name, case.size, case.batch, str(error)) for case in cases)
        return
    lost = ""
    try:
        for case in cases:
            try:
                yield (
                    BenchmarkRow(name, case.size, case.batch, lost)
                    if lost
                    else _time_case(name, engine, watched, case, model)
                )
            except EngineError as error:  # the device is lost, for every case after this one too
                lost = str(error)
                yield BenchmarkRow(name, case.size, case.batch, lost)
    finally:
        engine.close()


def _time_case(
    name: str, engine: ThreadedEngine, probe: _BatchSizeProbe, case: BenchmarkCase, model: ModelSizes
) -> BenchmarkRow:
    engine.batch_size, probe.largest_batch = case.batch, 0
    warm = max(MIN_WARM_UP_BATCHES, RUNS_BEFORE_CAPTURE // case.steps + 1) * case.batch
    nothing = BenchmarkRow(name, case.size, case.batch)
    if failed := _generate_and_encode(engine, case.prompts(0, warm)):
        return replace(nothing, reason=failed)
    _reset_peak_memory()
    began, busy = time.perf_counter(), engine.busy_seconds()
    if failed := _generate_and_encode(engine, case.prompts(warm, case.rounds * case.batch)):
        return replace(nothing, reason=failed)
    seconds = time.perf_counter() - began
    idle = max(0.0, 1 - (engine.busy_seconds() - busy) / seconds)
    cut = probe.largest_batch < case.batch
    reason = f"Batches were cut to {probe.largest_batch}: out of device memory." if cut else ""
    return replace(_completed_row(nothing, case, seconds, model), idle_share=idle, reason=reason)


def _generate_and_encode(engine: ThreadedEngine, prompts: Sequence[Prompt]) -> str:
    """Paint and encode; return why a picture could not be made, or nothing."""
    with ThreadPoolExecutor(1, "encode") as threads:
        waiting = []
        for answer in engine.generate(prompts):
            if isinstance(answer, Failure):
                return answer.reason
            waiting.append(threads.submit(encode_png, answer.pixels))
        for future in waiting:
            future.result()
    return ""


def _completed_row(empty_row: BenchmarkRow, case: BenchmarkCase, seconds: float, model: ModelSizes) -> BenchmarkRow:
    images = case.rounds * case.batch
    rate = images / seconds
    return replace(
        empty_row,
        images=images,
        images_per_second=rate,
        seconds_an_image=seconds / images,
        tflops_per_second=rate * model.flops(case) / 1e12,
        peak_bytes=_peak_memory_bytes(),
    )


def _rate_ratio(rate: float | None, reference_rate: float | None) -> float | None:
    return rate / reference_rate if rate and reference_rate else None


def _reset_peak_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


def _peak_memory_bytes() -> int | None:
    import torch

    return int(torch.cuda.max_memory_reserved()) if torch.cuda.is_available() else None


def _free_device_memory(device: str) -> None:
    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
