"""Engines: the stub for rehearsals, and Z-Image through torch or TensorRT.

Inputs: an `EngineSpec`, plain values that travel to another process. Outputs: an open `infra.interfaces.Engine`.
Nothing heavy is imported until an engine that needs it is opened: a planner has no torch.
"""

from typing import TYPE_CHECKING

from infra.engines.spec import EngineSpec
from infra.errors import EngineError
from infra.interfaces import Engine

if TYPE_CHECKING:
    from infra.engines.backend import Backend
    from infra.engines.parity import ParityKey

PROMPT_WINDOW = 64
"""Prompts of one stream that may wait: as many as a small shard holds, so that batches of one caption length fill."""


def open_engine(spec: EngineSpec) -> Engine:
    """Open the engine that `spec` describes.

    Raises `EngineError`, and its subclass `EngineUnsuitable` where the engine cannot run on this machine.
    """
    from infra.engines.threaded import ThreadedEngine

    if spec.batch_size is not None and spec.batch_size < 1:
        raise EngineError(f"An engine's batch size must be at least 1, not {spec.batch_size!r}.")
    if spec.name == "stub":
        from infra.engines.stub.stub_backend import StubBackend

        return ThreadedEngine(StubBackend(spec.stub_seconds), spec.batch_size or 1, PROMPT_WINDOW)
    if spec.name == "torch":
        from infra.engines.torch.diffusers_backend import default_batch_size

        return ThreadedEngine(_create_torch_backend(spec), spec.batch_size or default_batch_size(), PROMPT_WINDOW)
    if spec.name == "tensorrt":
        from infra.engines.tensorrt.tensorrt_backend import create_tensorrt_backend_from_spec

        backend, optimal_batch = create_tensorrt_backend_from_spec(spec)
        return ThreadedEngine(backend, spec.batch_size or optimal_batch, PROMPT_WINDOW)
    raise EngineError(f"There is no engine {spec.name!r}: choose 'stub', 'torch' or 'tensorrt'.")


def _create_torch_backend(spec: EngineSpec) -> "Backend":
    from infra.engines.parity import parity_folder, require_parity
    from infra.engines.torch.acceleration import open_accelerator
    from infra.engines.torch.diffusers_backend import DiffusersBackend
    from infra.models.loading import StoredPipeline, require_torch_extra, weights_dtype

    require_torch_extra()
    weights_dtype(spec.precision, device_kind())
    if spec.precision == "fp8" and not spec.unverified:
        require_parity(parity_key_of(spec), parity_folder())
    weights = StoredPipeline(spec.source, spec.revision, spec.weights_digest)
    return DiffusersBackend(weights, spec.precision, open_accelerator(spec.acceleration))


def device_kind() -> str:
    """Return the device type that the torch engine uses on this machine: `cuda` or `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def parity_key_of(spec: EngineSpec) -> "ParityKey":
    """Return the key of this engine's parity record: weights, precision, device and torch version."""
    import torch

    from infra.engines.parity import ParityKey

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    weights = spec.weights_digest or f"{spec.source}@{spec.revision}"
    return ParityKey(weights, spec.precision, device, torch.__version__.split("+")[0])
