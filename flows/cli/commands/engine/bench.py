"""Command engine bench: the speed of each backend on this machine, beside plain diffusers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings

if TYPE_CHECKING:
    from infra.models.loading import PipelineSource

DEFAULT_BACKENDS = "eager,compile,graphs,fp8"


def bench(
    model: Annotated[str | None, typer.Option("--model", help="A local folder, or hub-id@commit")] = None,
    random_weights: Annotated[
        str | None, typer.Option("--random-weights", help="Random weights of a model's size instead: turbo")
    ] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="With --random-weights: small enough for a CPU")] = False,
    sizes: Annotated[
        str, typer.Option("--sizes", help="Sizes of the images in pixels: 512 or 512x512, comma-separated")
    ] = "512,768,1024",
    batch: Annotated[str, typer.Option("--batch", help="Batch sizes to measure: 1,2,4 or 1-4")] = "1,2,4",
    steps: Annotated[int, typer.Option("--steps", min=1, max=100, help="Denoising steps")] = 8,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=1000, help="Batches on the clock, a case")] = 3,
    backends: Annotated[
        str, typer.Option("--backends", help="What to measure; fp8-compile and tensorrt are others")
    ] = DEFAULT_BACKENDS,
    engine: Annotated[
        Path | None, typer.Option("--engine", help="A TensorRT engine of the model, to be measured too: its folder")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Keep the figures in this file, as JSON")] = None,
    as_json: options.Json = False,
) -> None:
    """Measure images a second, TFLOP/s, memory and idle time; what this machine cannot do is a row with the reason."""
    from flows.cli.views.engines import show_benchmark
    from flows.engines.benchmark import parse_backends, parse_batch_sizes, parse_sides, run_benchmark
    from infra.models.loading import require_torch_extra

    _check_option_combination(model, random_weights, tiny, engine)
    sides, batches = parse_sides(sizes), parse_batch_sizes(batch)
    if out is not None and not out.resolve().parent.is_dir():
        raise OptionError(f"--out: {str(out.parent)!r} is no folder")
    require_torch_extra()
    from infra.evaluation.benchmark_cases import BenchmarkCase

    factories = parse_backends(backends, engine)
    weights, label = _select_weights(model, random_weights, tiny)
    cases = [BenchmarkCase(side, batch_size, steps, rounds) for side in sides for batch_size in batches]
    screen = open_console()
    with screen.status("Measuring") if not as_json else _NullStatus() as status:
        result = run_benchmark(weights, label, cases, factories, lambda case: status.update(f"Measuring: {case}"))
    if out is not None:
        out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if as_json:
        print_json(result)
    else:
        show_benchmark(screen, result)


def _check_option_combination(model: str | None, random_weights: str | None, tiny: bool, engine: Path | None) -> None:
    if (model is None) == (random_weights is None):
        raise OptionError("--model or --random-weights: give one of the two")
    if tiny and random_weights is None:
        raise OptionError("--tiny: it goes with --random-weights")
    if engine is not None and model is None:
        raise OptionError("--engine: it goes with --model, whose engine it is")


def _select_weights(model: str | None, random_weights: str | None, tiny: bool) -> tuple["PipelineSource", str]:
    """Return the weights to measure, and their label in the benchmark."""
    from flows.engines import benchmark

    if random_weights is not None:
        label = f"random weights, {'tiny' if tiny else random_weights}"
        return benchmark.random_weights(random_weights, tiny=tiny), label
    return benchmark.stored_weights(benchmark.resolve_engine_option(str(model), None, read_settings())), str(model)


class _NullStatus:
    """Shows nothing."""

    def __enter__(self) -> "_NullStatus":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, _: str) -> None:
        pass
