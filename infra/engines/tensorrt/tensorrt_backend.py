"""TensorRT under diffusers' own pipeline: the parts that it replaces, and what it takes.

Comes in: an engine folder, and a pipeline that was loaded without transformer and VAE. Goes out: the same pipeline with
the engine's parts, so that schedule, guidance, noise and captions stay diffusers' own; and a painter that answers
sizes which the engine was not built for with a reason, instead of asking the device.
"""

from collections.abc import Callable, Hashable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engines.backend import Painter
from infra.engines.tensorrt.build_manifest import read_card
from infra.engines.tensorrt.engine_open import Host, OpenEngine, cuda_host, host_of, open_engine_folder
from infra.engines.tensorrt.model_configs import component_configs, latent_pixel
from infra.engines.tensorrt.profiles import Size
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import Failure, Frame, Prompt
from infra.models.model_files import folder_digest

if TYPE_CHECKING:
    import torch

    from infra.engines import EngineSpec
    from infra.models.loading import Weights


class TensorRtAccelerator:
    """Puts an engine's transformer and VAE decoder into a pipeline; `weights_digest` None is computed when needed."""

    name = "tensorrt"
    replaces: Set[str] = frozenset(("transformer", "vae"))

    def __init__(self, folder: Path, weights_digest: str | None, host: Callable[[], Host] = cuda_host) -> None:
        self.card = read_card(folder)
        self._folder, self._digest, self._find_host = folder, weights_digest, host
        self._host: Host | None = None
        self._opened: OpenEngine | None = None

    def prepare(self) -> None:
        """Find TensorRT and the GPU that the engine was built for, before any weights are read."""
        self._host = host_of(self.card, self._find_host)

    def attach(self, pipeline: Any) -> None:
        """Open the engine and put it in; raise `EngineUnsuitable` where it is another model's, or not for this GPU."""
        from diffusers.image_processor import VaeImageProcessor

        from infra.engines.tensorrt.pipeline_adapters import EngineDecoder, EngineTransformer

        model = Path(pipeline.name_or_path)
        self._check_weights(model)
        opened = self._opened = open_engine_folder(self._folder, self.card, self._host)
        dtype, batch = graph_dtype(self.card.precision), self.card.batches
        transformer, vae = component_configs(model)
        pipeline.transformer = EngineTransformer(opened.transformer, transformer, batch, dtype)
        pipeline.vae = EngineDecoder(opened.vae_decoder, vae, batch, dtype)
        # The pipeline reads it from the VAE that it is made with, and this one was made without.
        pipeline.vae_scale_factor = latent_pixel(vae)
        pipeline.image_processor = VaeImageProcessor(vae_scale_factor=2 * pipeline.vae_scale_factor)

    def spare(self) -> None:
        """Forget what was recorded: smaller batches are recorded anew."""
        if self._opened is not None:
            self._opened.spare()

    def release(self) -> None:
        """Close the engine."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _check_weights(self, model: Path) -> None:
        digest = self._digest or folder_digest(model)
        if digest != self.card.weights_digest:
            raise EngineUnsuitable(
                f"The engine in {str(self._folder)!r} was built from weights {self.card.weights_digest!r}, and the "
                f"model is {digest!r}: export and build that model, or name its engine."
            )


class TensorRtPainter:
    """Paints by another painter what the engine was built for; other sizes are Failures with the mend."""

    name = "tensorrt"

    def __init__(self, painter: Painter, accelerator: TensorRtAccelerator) -> None:
        self._painter, self._accelerator = painter, accelerator
        self.card = accelerator.card

    def load(self) -> None:
        """Look at the machine, then load the other painter, which attaches the accelerator."""
        self._accelerator.prepare()
        self._painter.load()

    def group(self, prompt: Prompt) -> Hashable:
        """Return the other painter's group."""
        return self._painter.group(prompt)

    def paint(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Paint the prompts whose size has a profile, and answer the others."""
        refusals = [self._accelerator.card.refusal(Size(prompt.width, prompt.height)) for prompt in prompts]
        possible = [prompt for prompt, refusal in zip(prompts, refusals, strict=True) if refusal is None]
        painted = iter(self._painter.paint(possible) if possible else ())
        return [
            next(painted) if refusal is None else Failure(prompt.key, refusal)
            for prompt, refusal in zip(prompts, refusals, strict=True)
        ]

    def release(self) -> None:
        """Release the other painter."""
        self._painter.release()


def tensorrt_painter(spec: "EngineSpec", host: Callable[[], Host] = cuda_host) -> tuple[TensorRtPainter, int]:
    """Return the painter that a spec describes, and the batch that its engine is fastest at.

    Raises `EngineError` for a folder that holds no engine, `EngineUnsuitable` for one of another precision.
    """
    from infra.models.loading import StoredWeights

    if not spec.folder:
        raise EngineError("The tensorrt engine needs a folder that `packshot engine build` wrote.")
    painter = engine_painter(
        Path(spec.folder), StoredWeights(spec.source, spec.revision, spec.weights_digest), spec.weights_digest, host
    )
    if spec.precision != painter.card.precision:
        raise EngineUnsuitable(
            f"The engine in {spec.folder!r} computes in {painter.card.precision!r} and the recipe asks for "
            f"{spec.precision!r}: build one with --precision {spec.precision}, or change the recipe."
        )
    return painter, painter.card.batches.usual


def engine_painter(
    folder: Path, weights: "Weights", weights_digest: str | None, host: Callable[[], Host] = cuda_host
) -> TensorRtPainter:
    """Return what paints by an engine's folder, whatever precision it is of; `EngineError` where it holds none."""
    from infra.engines.torch.diffusers_backend import DiffusersPainter

    accelerator = TensorRtAccelerator(folder, weights_digest, host)
    around = "fp32" if accelerator.card.precision == "fp32" else "bf16"  # fp8 is inside the plan alone
    return TensorRtPainter(DiffusersPainter(weights, around, accelerator), accelerator)


def graph_dtype(precision: str) -> "torch.dtype":
    """Return what a graph of this precision is fed with: fp8 is inside, between bf16 and bf16."""
    import torch

    return torch.float32 if precision == "fp32" else torch.bfloat16
