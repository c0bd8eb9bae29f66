"""fp8 calibration: the largest input of each large linear layer, measured over a recipe's prompts.

Inputs: a model and prompts. Outputs: a calibration, which a build turns into scales. It is measured in torch, where the
layers have names, during ordinary generation: every step of every prompt counts.

fp8 (E4M3: 3 bits of mantissa, up to 448) is for the linear layers of the joint blocks alone, which are most of the
work. Sensitive layers keep their precision: embedders, modulation, final layer, refiners, and the first two blocks.
"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.engines.tensorrt.plan_build import write_atomically
from infra.engines.threaded import ThreadedEngine
from infra.errors import EngineError
from infra.interfaces import Engine, Failure, Prompt

if TYPE_CHECKING:
    import torch

PROMPT_WINDOW = 64
"""Prompts that may wait, so that batches of one caption length fill."""

UNQUANTIZED_BLOCKS = 2
"""First joint blocks that are not quantized: NVIDIA found their activations to be the largest."""

BLOCK_LINEARS = (
    "attention.to_q",
    "attention.to_k",
    "attention.to_v",
    "attention.to_out.0",
    "feed_forward.w1",
    "feed_forward.w3",
    "feed_forward.w2",
)
"""The linear layers of a block by diffusers' names, in order of computation."""


class Fp8Calibration(BaseModel):
    """The largest absolute input of each layer, by diffusers' name, and the weights and prompts it was measured on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    weights_digest: str
    prompts: int = Field(ge=1)
    prompts_digest: str
    largest: dict[str, float] = Field(min_length=1)

    @property
    def digest(self) -> str:
        """Return the sha256 of the ranges, weights and prompts."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def layer_name(block: int, linear: str) -> str:
    """Return diffusers' name of a linear layer in a joint block."""
    return f"layers.{block}.{linear}"


class Fp8Calibrator:
    """Records the inputs of a transformer's layers, as an accelerator that replaces nothing."""

    name = "calibration"
    replaces: Set[str] = frozenset()

    def __init__(self, unquantized_blocks: int = UNQUANTIZED_BLOCKS) -> None:
        self._unquantized_blocks = unquantized_blocks
        self._input_maxima: dict[str, torch.Tensor] = {}
        self._hooks: list[Any] = []

    def attach(self, pipeline: Any) -> None:
        """Hook the inputs of the layers that will be quantized; raise `EngineError` where there are none."""
        blocks = range(self._unquantized_blocks, len(pipeline.transformer.layers))
        if not blocks:
            raise EngineError(
                f"The model has {len(pipeline.transformer.layers)} joint blocks and the first "
                f"{self._unquantized_blocks} are not quantized: there is nothing to calibrate."
            )
        for block in blocks:
            for linear in BLOCK_LINEARS:
                layer = pipeline.transformer.layers[block].get_submodule(linear)
                self._hooks.append(layer.register_forward_pre_hook(self._input_hook(layer_name(block, linear))))

    def free_memory(self) -> None:
        """Do nothing: the maxima are a few numbers."""

    def close(self) -> None:
        """Remove the hooks; the maxima stay."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def input_maxima(self) -> dict[str, float]:
        """Return the largest absolute input of each layer; raise `EngineError` where it is zero or not finite."""
        maxima = {name: float(value) for name, value in self._input_maxima.items()}
        for name, value in maxima.items():
            if not math.isfinite(value) or value <= 0:
                raise EngineError(
                    f"The inputs of {name!r} reach {value!r}, which is no usable range: check the model's weights."
                )
        return maxima

    def _input_hook(self, name: str) -> Callable[[Any, tuple[Any, ...]], None]:
        import torch

        def record_maximum(_layer: Any, inputs: tuple[Any, ...]) -> None:
            maximum = inputs[0].detach().abs().amax().float()  # stays on the device: nothing waits for it
            previous = self._input_maxima.get(name)
            self._input_maxima[name] = maximum if previous is None else torch.maximum(previous, maximum)

        return record_maximum


def calibrate_model(
    model: Path, weights_digest: str, prompts: Sequence[Prompt], unquantized_blocks: int = UNQUANTIZED_BLOCKS
) -> Fp8Calibration:
    """Generate the prompts on this machine (bf16 on a GPU, fp32 on a CPU) and return the calibration."""
    from infra.engines.torch.diffusers_backend import DiffusersBackend, default_batch_size
    from infra.models.loading import StoredPipeline

    batch = default_batch_size()
    calibrator = Fp8Calibrator(unquantized_blocks)
    import torch

    precision = "bf16" if torch.cuda.is_available() else "fp32"
    backend = DiffusersBackend(StoredPipeline(str(model), digest=weights_digest), precision, calibrator)
    engine = ThreadedEngine(backend, batch, PROMPT_WINDOW)
    try:
        return run_calibration(engine, calibrator, prompts, weights_digest)
    finally:
        engine.close()


def run_calibration(
    engine: Engine, calibrator: Fp8Calibrator, prompts: Sequence[Prompt], weights_digest: str
) -> Fp8Calibration:
    """Generate the prompts and return the calibration; raise `EngineError` where one fails."""
    if not prompts:
        raise EngineError("There are no prompts to calibrate with: give a catalogue with products.")
    for answer in engine.generate(prompts):
        if isinstance(answer, Failure):
            raise EngineError(f"A prompt of the calibration failed: {answer.reason}")
    prompts_digest = hashlib.sha256(
        "\n".join(sorted(prompt.text for prompt in prompts)).encode("utf-8", "surrogatepass")
    )
    return Fp8Calibration(
        weights_digest=weights_digest,
        prompts=len(prompts),
        prompts_digest=prompts_digest.hexdigest(),
        largest=calibrator.input_maxima(),
    )


def write_fp8_calibration(path: Path, calibration: Fp8Calibration) -> None:
    """Write a calibration atomically."""
    write_atomically(path, (calibration.model_dump_json(indent=1) + "\n").encode())


def read_fp8_calibration(path: Path) -> Fp8Calibration:
    """Return the calibration in a file; raise `EngineError` where it cannot be read or is none."""
    try:
        return Fp8Calibration.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(
            f"The calibration {str(path)!r} cannot be read ({error}): make one with `packshot engine calibrate`."
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "it"
        raise EngineError(
            f"{str(path)!r} is no calibration ({field}: {first['msg']}): make one with `packshot engine calibrate`."
        ) from error
