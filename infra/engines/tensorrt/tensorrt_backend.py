"""The TensorRT backend: diffusers' own pipeline with an engine's transformer and VAE decoder.

Inputs: an engine folder, and a pipeline that was loaded without transformer and VAE. Outputs: the same pipeline with
the engine's components, so that schedule, guidance, noise and captions stay diffusers' own; and a backend that answers
a size which the engine was not built for with a reason, without touching the device.
"""

from collections.abc import Callable, Hashable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engines.backend import Backend
from infra.engines.tensorrt.build_manifest import read_build_manifest
from infra.engines.tensorrt.engine_open import LoadedEngine, TensorRtHost, host_for, load_engine_folder, open_cuda_host
from infra.engines.tensorrt.model_configs import component_configs, pixels_per_latent
from infra.engines.tensorrt.profiles import ImageSize
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import Failure, Frame, Prompt
from infra.models.model_files import model_folder_digest

if TYPE_CHECKING:
    import torch

    from infra.engines.spec import EngineSpec
    from infra.models.loading import PipelineSource


class TensorRtAccelerator:
    """Puts an engine's transformer and VAE decoder into a pipeline; a `weights_digest` of None is computed."""

    name = "tensorrt"
    replaces: Set[str] = frozenset(("transformer", "vae"))

    def __init__(
        self, folder: Path, weights_digest: str | None, open_host: Callable[[], TensorRtHost] = open_cuda_host
    ) -> None:
        self.manifest = read_build_manifest(folder)
        self._folder, self._weights_digest, self._open_host = folder, weights_digest, open_host
        self._host: TensorRtHost | None = None
        self._engine: LoadedEngine | None = None

    def check_host(self) -> None:
        """Check TensorRT and the GPU that the engine was built for, before any weights are read."""
        self._host = host_for(self.manifest, self._open_host)

    def attach(self, pipeline: Any) -> None:
        """Load the engine into the pipeline; raise `EngineUnsuitable` for another model's engine, or another GPU's."""
        from diffusers.image_processor import VaeImageProcessor

        from infra.engines.tensorrt.pipeline_adapters import TransformerAdapter, VaeDecoderAdapter

        model = Path(pipeline.name_or_path)
        self._check_weights(model)
        engine = self._engine = load_engine_folder(self._folder, self.manifest, self._host)
        dtype, batch = graph_dtype(self.manifest.precision), self.manifest.batch_range
        transformer, vae = component_configs(model)
        pipeline.transformer = TransformerAdapter(engine.transformer, transformer, batch, dtype)
        pipeline.vae = VaeDecoderAdapter(engine.vae_decoder, vae, batch, dtype)
        # The pipeline reads this from its VAE when it is created, and it was created without one.
        pipeline.vae_scale_factor = pixels_per_latent(vae)
        pipeline.image_processor = VaeImageProcessor(vae_scale_factor=2 * pipeline.vae_scale_factor)

    def free_memory(self) -> None:
        """Drop all captures: smaller batches are captured anew."""
        if self._engine is not None:
            self._engine.free_memory()

    def close(self) -> None:
        """Close the engine."""
        if self._engine is not None:
            self._engine.close()
        self._engine = None

    def _check_weights(self, model: Path) -> None:
        digest = self._weights_digest or model_folder_digest(model)
        if digest != self.manifest.weights_digest:
            raise EngineUnsuitable(
                f"The engine in {str(self._folder)!r} was built from weights {self.manifest.weights_digest!r}, and the "
                f"model is {digest!r}: export and build that model, or name its engine."
            )


class TensorRtBackend:
    """Generates the sizes that the engine was built for through another backend; other sizes are Failures."""

    name = "tensorrt"

    def __init__(self, backend: Backend, accelerator: TensorRtAccelerator) -> None:
        self._backend, self._accelerator = backend, accelerator
        self.manifest = accelerator.manifest

    def load(self) -> None:
        """Check the machine, then load the inner backend, which attaches the accelerator."""
        self._accelerator.check_host()
        self._backend.load()

    def batch_key(self, prompt: Prompt) -> Hashable:
        """Return the inner backend's batch key."""
        return self._backend.batch_key(prompt)

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Generate the prompts whose size has a profile; answer the others with a Failure that says what to build."""
        refusals = [
            self._accelerator.manifest.unsupported_size_reason(ImageSize(prompt.width, prompt.height))
            for prompt in prompts
        ]
        supported = [prompt for prompt, refusal in zip(prompts, refusals, strict=True) if refusal is None]
        answers = iter(self._backend.generate_batch(supported) if supported else ())
        return [
            next(answers) if refusal is None else Failure(prompt.key, refusal)
            for prompt, refusal in zip(prompts, refusals, strict=True)
        ]

    def close(self) -> None:
        """Close the inner backend."""
        self._backend.close()


def create_tensorrt_backend_from_spec(
    spec: "EngineSpec", open_host: Callable[[], TensorRtHost] = open_cuda_host
) -> tuple[TensorRtBackend, int]:
    """Return the backend that a spec describes, and the batch size that its engine is optimized for.

    Raises `EngineError` for a folder that holds no engine, `EngineUnsuitable` for one of another precision.
    """
    from infra.models.loading import StoredPipeline

    if not spec.folder:
        raise EngineError("The tensorrt engine needs an engine folder: build one with `packshot engine build`.")
    backend = create_tensorrt_backend(
        Path(spec.folder),
        StoredPipeline(spec.source, spec.revision, spec.weights_digest),
        spec.weights_digest,
        open_host,
    )
    if spec.precision != backend.manifest.precision:
        raise EngineUnsuitable(
            f"The engine in {spec.folder!r} computes in {backend.manifest.precision!r} and the recipe asks for "
            f"{spec.precision!r}: build one with --precision {spec.precision}, or change the recipe."
        )
    return backend, backend.manifest.batch_range.optimal


def create_tensorrt_backend(
    folder: Path,
    weights: "PipelineSource",
    weights_digest: str | None,
    open_host: Callable[[], TensorRtHost] = open_cuda_host,
) -> TensorRtBackend:
    """Return the backend of an engine folder, in that engine's precision; raise `EngineError` for no engine."""
    from infra.engines.torch.diffusers_backend import DiffusersBackend

    accelerator = TensorRtAccelerator(folder, weights_digest, open_host)
    pipeline_precision = "fp32" if accelerator.manifest.precision == "fp32" else "bf16"  # fp8 is inside the plan alone
    return TensorRtBackend(DiffusersBackend(weights, pipeline_precision, accelerator), accelerator)


def graph_dtype(precision: str) -> "torch.dtype":
    """Return the type of a graph's inputs and outputs: an fp8 graph takes and returns bf16."""
    import torch

    return torch.float32 if precision == "fp32" else torch.bfloat16
