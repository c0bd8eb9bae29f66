"""Benchmark: the speed of each backend on this machine, end to end, beside diffusers itself, in one run.

Inputs: weights, sizes, batches, steps, the names of backends. Outputs: one row for each case, as plain numbers; a case
that this machine cannot run is a row with its reason.
Every case is warmed up first, and its clock covers all that an image takes but the store: captions, generation, copying
and encoding as PNG (on a thread beside the engine, as in a run; diffusers' own loop encodes between two batches, as a
plain script does). A new backend is one more entry in `BACKEND_FACTORIES`.
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
"""The reference row: the pipeline called in a loop."""

MIN_WARM_UP_BATCHES = 2
"""Least number of untimed batches: the first chooses kernels and compiles, the second captures graphs."""

BackendFactory = Callable[[PipelineSource, str], Backend]
"""Creates a backend for these weights in the run's precision; a backend with a precision of its own ignores it."""


def _torch_backend_factory(acceleration: str, precision: str | None = None) -> BackendFactory:
    return lambda weights, default: DiffusersBackend(weights, precision or default, open_accelerator(acceleration))


BACKEND_FACTORIES: dict[str, BackendFactory] = {
    "eager": _torch_backend_factory("eager"),
    "compile": _torch_backend_factory("compile"),
    "graphs": _torch_backend_factory("graphs"),
    "fp8": _torch_backend_factory("eager", "fp8"),
    "fp8-compile": _torch_backend_factory("compile", "fp8"),
}


def tensorrt_backend_factory(folder: Path) -> BackendFactory:
    """Return the factory for the TensorRT engine in a folder, which has a precision of its own."""
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
    """Yield a row for each backend and case, diffusers' first; raise `EngineError` where the model cannot be opened."""
    progress("diffusers itself")
    model, reference = _measure_diffusers(weights, device, precision, cases)
    rates = {(row.size, row.batch): row.images_per_second for row in reference}
    yield from reference
    for name, backend in backends.items():
        progress(name)
        for row in _measure_backend(name, backend(weights, precision), cases, model):
            reference_rate = rates[row.size, row.batch]
            yield replace(row, to_diffusers=_rate_ratio(row.images_per_second, reference_rate))


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

    def generate(prompts: Sequence[Prompt]) -> None:
        generators = [torch.Generator("cpu").manual_seed(each.seed) for each in prompts]
        images = pipeline(
            prompt=[each.text for each in prompts], height=case.size, width=case.size, num_inference_steps=case.steps,
            guidance_scale=0.0, generator=generators,
        ).images  # fmt: skip
        for image in images:
            image.save(io.BytesIO(), "PNG")

    batches = [case.prompts(number * case.batch, case.batch) for number in range(case.rounds + 1)]
    try:
        generate(batches[0])
        _reset_peak_memory()
        began = time.perf_counter()
        for batch in batches[1:]:
            generate(batch)
    except torch.OutOfMemoryError:
        return BenchmarkRow(REFERENCE_BACKEND, case.size, case.batch, "It does not fit the device's memory.")
    except (IndexError, RuntimeError, ValueError) as error:  # a size beyond the model's positions, for one
        return BenchmarkRow(
            REFERENCE_BACKEND, case.size, case.batch, f"diffusers cannot generate it: {type(error).__name__}: {error}"
        )
    return _completed_row(
        BenchmarkRow(REFERENCE_BACKEND, case.size, case.batch), case, time.perf_counter() - began, model
    )


@dataclass(eq=False)
class _BatchSizeProbe:
    """Passes calls to a backend and notes the largest batch that it generated."""

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
    probe = _BatchSizeProbe(backend)
    try:
        engine = ThreadedEngine(probe, 1, max(case.batch for case in cases) * 2)
    except EngineError as error:
        yield from (BenchmarkRow(name, case.size, case.batch, str(error)) for case in cases)
        return
    device_error = ""
    try:
        for case in cases:
            try:
                yield (
                    BenchmarkRow(name, case.size, case.batch, device_error)
                    if device_error
                    else _time_case(name, engine, probe, case, model)
                )
            except EngineError as error:  # the device is lost for all later cases too
                device_error = str(error)
                yield BenchmarkRow(name, case.size, case.batch, device_error)
    finally:
        engine.close()


def _time_case(
    name: str, engine: ThreadedEngine, probe: _BatchSizeProbe, case: BenchmarkCase, model: ModelSizes
) -> BenchmarkRow:
    engine.batch_size, probe.largest_batch = case.batch, 0
    warm_up = max(MIN_WARM_UP_BATCHES, RUNS_BEFORE_CAPTURE // case.steps + 1) * case.batch
    empty_row = BenchmarkRow(name, case.size, case.batch)
    if failure := _generate_and_encode(engine, case.prompts(0, warm_up)):
        return replace(empty_row, reason=failure)
    _reset_peak_memory()
    began, busy = time.perf_counter(), engine.busy_seconds()
    if failure := _generate_and_encode(engine, case.prompts(warm_up, case.rounds * case.batch)):
        return replace(empty_row, reason=failure)
    seconds = time.perf_counter() - began
    idle = max(0.0, 1 - (engine.busy_seconds() - busy) / seconds)
    was_cut = probe.largest_batch < case.batch
    reason = f"Batches were cut to {probe.largest_batch}: out of device memory." if was_cut else ""
    return replace(_completed_row(empty_row, case, seconds, model), idle_share=idle, reason=reason)


def _generate_and_encode(engine: ThreadedEngine, prompts: Sequence[Prompt]) -> str:
    """Generate and encode all prompts; return the first failure's reason, or an empty text."""
    with ThreadPoolExecutor(1, "encode") as threads:
        pending = []
        for answer in engine.generate(prompts):
            if isinstance(answer, Failure):
                return answer.reason
            pending.append(threads.submit(encode_png, answer.pixels))
        for future in pending:
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
