"""Model source: finds, measures and loads the two components that become graphs, without the text encoder.

Inputs: a pipeline folder, or a hub id at a pinned commit; a precision. Outputs: the folder, the bytes of its weights in
that precision, and diffusers' transformer and VAE on the CPU.
No weights are opened before `check_model_folder` has checked the folder.
"""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import EngineError
from infra.models.library_state import library_state
from infra.models.loading import StoredPipeline
from infra.models.model_files import check_model_folder
from infra.models.safetensors_header import tensor_shapes

if TYPE_CHECKING:
    import torch

PINNED_HUB_ID_PATTERN = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@([0-9a-f]{40})")
"""A hub id at a whole commit: a branch can point to another model tomorrow."""

BYTES_PER_ELEMENT = {"fp32": 4, "bf16": 2}
EXPORTED_COMPONENTS = ("transformer", "vae")


def resolve_model_folder(model: str) -> Path:
    """Return the checked local folder that `model` names (a path, or owner/name@commit, which is downloaded).

    Raises `EngineError` for a name that is neither, a failed download, and a folder that `check_model_folder` refuses.
    """
    hub_id = PINNED_HUB_ID_PATTERN.fullmatch(model)
    if Path(model).is_dir():
        folder = Path(model).resolve()
    elif hub_id:
        folder = StoredPipeline(*hub_id.groups()).resolve_folder()
    else:
        raise EngineError(
            f"The model {model!r} is neither a folder on this machine nor a hub id at a whole commit: "
            "give a path, or owner/name@ and 40 hex digits."
        )
    check_model_folder(folder)
    return folder


def weight_bytes(folder: Path, precision: str) -> int:
    """Return the bytes of the transformer's and the VAE's parameters in a precision, from the files' headers alone."""
    return BYTES_PER_ELEMENT[precision] * sum(_count_elements(folder / component) for component in EXPORTED_COMPONENTS)


def load_transformer(folder: Path, precision: str) -> Any:
    """Return diffusers' transformer on the CPU, in a precision."""
    import diffusers

    return _load_component(diffusers.ZImageTransformer2DModel, folder / "transformer", precision)


def load_vae(folder: Path, precision: str) -> Any:
    """Return diffusers' VAE on the CPU, in a precision."""
    import diffusers

    return _load_component(diffusers.AutoencoderKL, folder / "vae", precision)


def export_dtype(precision: str) -> "torch.dtype":
    """Return torch's type for an export precision."""
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]


def require_onnx_extra() -> None:
    """Raise `EngineError` where an extra is missing: now, not in the middle of loading."""
    try:
        import diffusers  # noqa: F401
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise EngineError(f"ONNX graphs cannot be exported here ({error}): install packshot[torch,onnx].") from error


def _load_component(kind: Any, folder: Path, precision: str) -> Any:
    dtype = export_dtype(precision)
    try:
        with library_state.loading():
            model = kind.from_pretrained(str(folder), torch_dtype=dtype, use_safetensors=True, local_files_only=True)
    except (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
        raise EngineError(f"The model in {str(folder)!r} could not be loaded: {error}.") from error
    loaded_dtypes = {weight.dtype for weight in model.parameters()}
    if loaded_dtypes != {dtype}:
        raise EngineError(f"The model in {str(folder)!r} was loaded as {loaded_dtypes!r}, not as {dtype!r}.")
    return model.eval()


def _count_elements(component: Path) -> int:
    return sum(math.prod(shape) for path in sorted(component.glob("*.safetensors")) for shape in _tensor_shapes(path))


def _tensor_shapes(path: Path) -> list[tuple[int, ...]]:
    try:
        return tensor_shapes(path)
    except (OSError, ValueError) as error:
        raise EngineError(f"The file {str(path)!r} is no safetensors file: {error}.") from error
