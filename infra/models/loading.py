"""Model loading: weights into a diffusers pipeline, checked before any of them is opened.

Inputs: a local pipeline folder, or a hub id at a pinned commit; the digest that the recipe gives it; a precision.
Outputs: a `ZImagePipeline` in main memory. A requested precision or digest is honoured or refused, never changed.
One pipeline is loaded at a time in a process (see `infra.models.library_state`).
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from infra.errors import EngineError, EngineUnsuitable
from infra.models.chat_template import freeze_chat_template
from infra.models.library_state import library_state
from infra.models.model_files import check_model_folder, model_folder_digest

if TYPE_CHECKING:
    import torch

MIN_COMPUTE_CAPABILITY = {"fp32": (0, 0), "bf16": (8, 0), "fp8": (8, 9)}
"""The CUDA compute capability from which a GPU has a precision: Ampere multiplies bf16, Ada and Hopper 8-bit floats."""

COMMIT_PATTERN = re.compile(r"[0-9a-f]{40}")
HUB_ID_PATTERN = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
WEIGHTED_COMPONENTS = ("transformer", "text_encoder", "vae")
"""The pipeline's components that have weights."""


class PipelineSource(Protocol):
    """A source of pipelines: stored weights, or random ones."""

    def load_pipeline(self, dtype: "torch.dtype", exclude: Set[str] = frozenset()) -> Any:
        """Return the pipeline with its weights as `dtype`; components in `exclude` are not loaded, and are None.

        Raises `EngineError` where that cannot be.
        """


@dataclass(frozen=True)
class StoredPipeline:
    """A pipeline folder of this machine, or a hub id and a full commit hash; a `digest` of None is not checked."""

    source: str | None
    revision: str | None = None
    digest: str | None = None

    def load_pipeline(self, dtype: "torch.dtype", exclude: Set[str] = frozenset()) -> Any:
        """Check the folder and its digest, then load it. Raises `EngineError`, and says why."""
        import torch

        folder = self.resolve_folder()
        check_model_folder(folder)
        digest = model_folder_digest(folder) if self.digest is not None else None
        if digest != self.digest:
            raise EngineError(
                f"The weights in {str(folder)!r} have the digest {digest!r}, not {self.digest!r}: "
                "put the right model there, or set its digest in the recipe."
            )
        try:
            with library_state.loading():
                return _load_pipeline(folder, dtype, exclude)
        except torch.OutOfMemoryError as error:
            raise EngineUnsuitable(f"The model in {str(folder)!r} does not fit this device: {error}.") from error
        except (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
            raise EngineError(f"The model in {str(folder)!r} could not be loaded: {error}.") from error

    def resolve_folder(self) -> Path:
        """Return the local folder that `source` names, or the one its pinned commit is downloaded to; unchecked."""
        if not self.source:
            raise EngineError("The torch engine needs a model: give a local folder, or a hub id and its revision.")
        if Path(self.source).is_dir():
            return Path(self.source)
        if not HUB_ID_PATTERN.fullmatch(self.source):
            raise EngineError(
                f"The model {self.source!r} is neither a folder on this machine nor a hub id (owner/name)."
            )
        if not COMMIT_PATTERN.fullmatch(self.revision or ""):
            raise EngineError(
                f"The hub model {self.source!r} needs a revision of 40 hex digits, not {self.revision!r}: a branch's "
                "name can mean another model tomorrow. (There is no local folder of that name.)"
            )
        from diffusers import ZImagePipeline

        try:
            return Path(ZImagePipeline.download(self.source, revision=self.revision, use_safetensors=True))
        except (OSError, ValueError) as error:
            raise EngineError(
                f"The hub model {self.source!r} at {self.revision!r} could not be downloaded: {error}."
            ) from error


def require_torch_extra() -> None:
    """Raise `EngineError` where packshot[torch] is not installed, before loading begins."""
    try:
        import diffusers  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise EngineError(f"The torch engine is not installed ({error}): install packshot[torch].") from error


def weights_dtype(precision: str, device: str) -> "torch.dtype":
    """Return the dtype of a precision's weights; raise `EngineUnsuitable` where the device cannot compute in it."""
    import torch

    gpu = (torch.cuda.get_device_name(), torch.cuda.get_device_capability()) if device == "cuda" else None
    if reason := unsupported_precision_reason(precision, gpu):
        raise EngineUnsuitable(reason)
    if precision == "fp32" and gpu is not None:
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return torch.float32 if precision == "fp32" else torch.bfloat16


def unsupported_precision_reason(precision: str, gpu: tuple[str, tuple[int, int]] | None) -> str | None:
    """Return why a precision is impossible on a GPU (name and compute capability; None: the CPU); None if it works."""
    if precision not in MIN_COMPUTE_CAPABILITY:
        known = ", ".join(map(repr, MIN_COMPUTE_CAPABILITY))
        return f"The precision {precision!r} is none of {known}; in 'fp16' this model overflows to black."
    least = MIN_COMPUTE_CAPABILITY[precision]
    if gpu is None:
        if precision != "fp8":
            return None
        return (
            "A CPU cannot compute in 'fp8': choose 'bf16' or 'fp32' in the recipe, or a GPU of compute capability 8.9."
        )
    name, capability = gpu
    if capability >= least:
        return None
    other = "'bf16' or 'fp32'" if capability >= MIN_COMPUTE_CAPABILITY["bf16"] else "'fp32'"
    has, needs = (".".join(map(str, version)) for version in (capability, least))
    return (
        f"{name!r} cannot compute in {precision!r}: its compute capability is {has}, and {needs} is needed. Choose "
        f"{other} in the recipe."
    )


def _load_pipeline(folder: Path, dtype: "torch.dtype", exclude: Set[str]) -> Any:
    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    pipeline = diffusers.ZImagePipeline.from_pretrained(
        str(folder), dtype=dtype, use_safetensors=True, local_files_only=True, **dict.fromkeys(exclude)
    )
    freeze_chat_template(pipeline.tokenizer)
    for name in WEIGHTED_COMPONENTS:
        if name in exclude:
            continue
        dtypes = {weight.dtype for weight in getattr(pipeline, name).parameters()}
        if dtypes != {dtype}:
            raise EngineError(f"The {name} in {str(folder)!r} was loaded as {dtypes!r}, not as {dtype!r}.")
    return pipeline
