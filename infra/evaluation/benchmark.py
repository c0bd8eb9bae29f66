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

from infra.engines.backend import Painter
from infra.engines.threaded import ThreadedEngine
from infra.engines.torch.acceleration import open_accelerator
from infra.engines.torch.cuda_graphs import SEEN_BEFORE
from infra.engines.torch.diffusers_backend import DiffusersPainter
from infra.engines.torch.placement import place
from infra.errors import EngineError
from infra.evaluation.benchmark_cases import Case, Model, Row
from infra.imaging.codecs import encode_png
from infra.interfaces import Failure, Frame, Prompt
from infra.models.loading import Weights, weights_dtype

DIFFUSERS = "diffusers"
"""The row that the others are compared with: the pipeline called in a loop."""

WARM_UPS = 2
"""Batches before the clock starts, at least: the first finds kernels and compiles, the second records graphs."""

Backend = Callable[[Weights, str], Painter]
"""Opens a painter of these weights; the precision is the run's, which a backend with one of its own leaves aside."""


def _torch(acceleration: str, precision: str | None = None) -> Backend:
    return lambda weights, usual: DiffusersPainter(weights, precision or usual, open_accelerator(acceleration))


BACKENDS: dict[str, Backend] = {
    "eager": _torch("eager"),
    "compile": _torch("compile"),
    "graphs": _torch("graphs"),
    "fp8": _torch("eager", "fp8"),
    "fp8-compile": _torch("compile", "fp8"),
}


def planned(folder: Path) -> Backend:
    """Return the backend that paints by the TensorRT engine in a folder, in that engine's precision."""
    from infra.engines.tensorrt.tensorrt_backend import engine_painter

    return lambda weights, _: engine_painter(folder, weights, None)


def measure(
    weights: Weights,
    device: str,
    precision: str,
    cases: Sequence[Case],
    backends: Mapping[str, Backend],
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Row]:
    """Yield a row a backend and case, diffusers' own first. Raises `EngineError` where the model cannot be opened."""
    say("diffusers as it is")
    model, reference = _diffusers(weights, device, precision, cases)
    rates = {(row.size, row.batch): row.images_per_second for row in reference}
    yield from reference
    for name, backend in backends.items():
        say(name)
        for row in _rows(name, backend(weights, precision), cases, model):
            usual = rates[row.size, row.batch]
            yield replace(row, to_diffusers=_ratio(row.images_per_second, usual))


def _diffusers(weights: Weights, device: str, precision: str, cases: Sequence[Case]) -> tuple[Model, list[Row]]:
    pipeline = weights.open(weights_dtype(precision, device))
    pipeline.set_progress_bar_config(disable=True)
    place(pipeline, device)
    model = Model.of(pipeline)
    rows = [_loop(pipeline, case, model) for case in cases]
    del pipeline
    _free(device)
    return model, rows


def _loop(pipeline: Any, case: Case, model: Model) -> Row:
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
        _begin_peak()
        began = time.perf_counter()
        for batch in batches[1:]:
            paint(batch)
    except torch.OutOfMemoryError:
        return Row(DIFFUSERS, case.size, case.batch, "It does not fit the device's memory.")
    except (IndexError, RuntimeError, ValueError) as error:  # a size past the model's positions, for one
        return Row(DIFFUSERS, case.size, case.batch, f"diffusers cannot paint it: {type(error).__name__}: {error}")
    return _row(Row(DIFFUSERS, case.size, case.batch), case, time.perf_counter() - began, model)


@dataclass(eq=False)
class _Watched:
    """A painter, and the largest batch that it painted."""

    painter: Painter
    largest: int = 0
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.painter.name

    def load(self) -> None:
        self.painter.load()

    def group(self, prompt: Prompt) -> Hashable:
        return self.painter.group(prompt)

    def paint(self, prompts: Sequence[Prompt]) -> Sequence[Frame | Failure]:
        answers = self.painter.paint(prompts)
        self.largest = max(self.largest, len(prompts))
        return answers

    def release(self) -> None:
        self.painter.release()


def _rows(name: str, painter: Painter, cases: Sequence[Case], model: Model) -> Iterator[Row]:
    watched = _Watched(painter)
    try:
        engine = ThreadedEngine(watched, 1, max(case.batch for case in cases) * 2)
    except EngineError as error:
        yield from (Row(name, case.size, case.batch, str(error)) for case in cases)
        return
    lost = ""
    try:
        for case in cases:
            try:
                yield Row(name, case.size, case.batch, lost) if lost else _timed(name, engine, watched, case, model)
            except EngineError as error:  # the device is lost, for every case after this one too
                lost = str(error)
                yield Row(name, case.size, case.batch, lost)
    finally:
        engine.close()


def _timed(name: str, engine: ThreadedEngine, watched: _Watched, case: Case, model: Model) -> Row:
    engine.batch_size, watched.largest = case.batch, 0
    warm = max(WARM_UPS, SEEN_BEFORE // case.steps + 1) * case.batch
    nothing = Row(name, case.size, case.batch)
    if failed := _painted(engine, case.prompts(0, warm)):
        return replace(nothing, reason=failed)
    _begin_peak()
    began, busy = time.perf_counter(), engine.busy_seconds()
    if failed := _painted(engine, case.prompts(warm, case.rounds * case.batch)):
        return replace(nothing, reason=failed)
    seconds = time.perf_counter() - began
    idle = max(0.0, 1 - (engine.busy_seconds() - busy) / seconds)
    cut = watched.largest < case.batch
    reason = f"Batches were cut to {watched.largest}: out of device memory." if cut else ""
    return replace(_row(nothing, case, seconds, model), idle_share=idle, reason=reason)


def _painted(engine: ThreadedEngine, prompts: Sequence[Prompt]) -> str:
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


def _row(row: Row, case: Case, seconds: float, model: Model) -> Row:
    images = case.rounds * case.batch
    rate = images / seconds
    return replace(
        row,
        images=images,
        images_per_second=rate,
        seconds_an_image=seconds / images,
        tflops_per_second=rate * model.flops(case) / 1e12,
        peak_bytes=_peak(),
    )


def _ratio(rate: float | None, usual: float | None) -> float | None:
    return rate / usual if rate and usual else None


def _begin_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


def _peak() -> int | None:
    import torch

    return int(torch.cuda.max_memory_reserved()) if torch.cuda.is_available() else None


def _free(device: str) -> None:
    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
