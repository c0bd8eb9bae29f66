"""Z-Image through diffusers, on a CUDA device or (slowly) a CPU.

Comes in: a local pipeline folder, or a hub id at a pinned commit; prompts. Goes out: frames of plain uint8.
What is asked for is honoured or refused, never changed: a precision this machine lacks, a digest that is another's.

Facts of this model that shape the code: any guidance above 0 doubles the work, so Turbo's exact 0.0 passes through;
diffusers writes its chat template into the list of prompts that it is given, so it gets one of our own; captions are
padded to multiples of 32 and the padding is attended, so a batch of one padded length needs no mask and gives each
image what it would get alone; a generator an image, on the CPU, gives each the noise of its own seed on every device.
"""

import gc
import re
from collections.abc import Hashable, Sequence, Set
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engines.painter import Accelerator, OutOfDeviceMemory
from infra.engines.weights import check_folder, folder_digest
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import Failure, Frame, Prompt

if TYPE_CHECKING:
    import torch

CAPTION_STEP = 32
"""Tokens to whose multiple the transformer pads a caption (`SEQ_MULTI_OF` in diffusers)."""

CAPTION_LIMIT = 512
"""Tokens after which diffusers cuts a caption."""

KEPT_CAPTIONS = 64
"""Distinct captions whose embeddings are kept: attempts and variants of one slot come close together."""

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def usual_batch_size() -> int:
    """Return the batch size for who gave none: 4 on CUDA, 1 on a CPU.

    At 1024 px a large GPU is full with one image and 4 cost nothing but memory; at 512 px launches dominate and 4
    give about 2.8 times the images (SGLang, pull request 22183). A CPU gains next to nothing, and one at a time
    makes an image's bytes independent of its neighbours.
    """
    _require_libraries()
    import torch

    return 4 if torch.cuda.is_available() else 1


class DiffusersPainter:
    """Paints with diffusers' `ZImagePipeline`. `load` raises `EngineError` or `EngineUnsuitable`, and says why."""

    name = "torch"

    def __init__(
        self,
        source: str | None,
        revision: str | None,
        weights_digest: str | None,
        precision: str,
        accelerator: Accelerator | None = None,
    ) -> None:
        self._source, self._revision = source, revision
        self._accelerator = accelerator
        self._digest = weights_digest
        self._precision = precision
        self._pipeline: Any = None
        self._caption_tokens = lru_cache(maxsize=1024)(self._count_tokens)
        self._embedding = lru_cache(maxsize=KEPT_CAPTIONS)(self._embed)

    def load(self) -> None:
        """Check machine, folder and digest, then load to the device in the precision that was asked for."""
        _require_libraries()
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = _dtype(self._precision, device)
        folder = _folder(self._source, self._revision)
        check_folder(folder)
        found = folder_digest(folder) if self._digest is not None else None
        if found != self._digest:
            raise EngineError(
                f"The weights in {str(folder)!r} have the digest {found!r}, not {self._digest!r}: "
                "put the right model there, or give its digest in the recipe."
            )
        replaced = self._accelerator.replaces if self._accelerator else frozenset()
        try:
            self._pipeline = _pipeline(folder, dtype, replaced).to(device)
        except torch.OutOfMemoryError as error:
            raise EngineUnsuitable(f"The model in {str(folder)!r} does not fit this device: {error}.") from error
        except (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
            raise EngineError(f"The model in {str(folder)!r} could not be loaded: {error}.") from error
        if self._accelerator:
            self._accelerator.attach(self._pipeline)

    def group(self, prompt: Prompt) -> Hashable:
        """Return size, steps, guidance and the padded length of the caption."""
        return prompt.width, prompt.height, prompt.steps, prompt.guidance, self._padded_tokens(prompt.text)

    def paint(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Paint one batch; impossible sizes, and pictures that came out black or not a number, are Failures."""
        import torch

        answers: dict[int, Frame | Failure] = {}
        for place, prompt in enumerate(prompts):
            if reason := self._refusal(prompt):
                answers[place] = Failure(prompt.key, reason)
        possible = [place for place in range(len(prompts)) if place not in answers]
        try:
            if possible:
                answers.update(zip(possible, self._painted([prompts[place] for place in possible]), strict=True))
        except torch.OutOfMemoryError as error:
            short = str(error)
        except torch.AcceleratorError as error:
            raise EngineError(f"The device failed, and needs a new process: {error}.") from error
        else:
            return [answers[place] for place in range(len(prompts))]
        # Not inside the handler: as long as the exception lives, its traceback holds the batch's tensors.
        gc.collect()
        torch.cuda.empty_cache()
        raise OutOfDeviceMemory(short)

    def release(self) -> None:
        """Drop the model and give its memory back."""
        if self._accelerator:
            self._accelerator.release()
        self._pipeline = None
        self._embedding.cache_clear()
        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _refusal(self, prompt: Prompt) -> str | None:
        step = self._pipeline.vae_scale_factor * 2
        largest = step * min(self._pipeline.transformer.config.axes_lens[1:])
        for side in (prompt.width, prompt.height):
            if side % step or not 0 < side <= largest:
                size = f"{prompt.width}x{prompt.height}"
                return f"A picture of {size} cannot be painted: sides must be multiples of {step} up to {largest}."
        return None if prompt.steps >= 1 else f"A picture needs at least one step, not {prompt.steps!r}."

    def _painted(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        import torch

        first = prompts[0]
        with torch.no_grad():
            negatives = [self._embedding(each.negative) for each in prompts] if first.guidance > 0 else []
            images = self._pipeline(
                prompt_embeds=[self._embedding(each.text) for each in prompts],
                negative_prompt_embeds=negatives,
                width=first.width,
                height=first.height,
                num_inference_steps=first.steps,
                guidance_scale=first.guidance,
                generator=[torch.Generator("cpu").manual_seed(each.seed) for each in prompts],
                output_type="pt",
            ).images.float()
        return [_answer(prompt, image) for prompt, image in zip(prompts, images.cpu(), strict=True)]

    def _padded_tokens(self, text: str) -> int:
        return -(-self._caption_tokens(text) // CAPTION_STEP) * CAPTION_STEP

    def _count_tokens(self, text: str) -> int:
        """Return how many tokens diffusers will make of a caption, its chat template included."""
        tokenizer = self._pipeline.tokenizer
        return min(len(tokenizer(wrapped(tokenizer, text))["input_ids"]), CAPTION_LIMIT)

    def _embed(self, text: str) -> "torch.Tensor":
        """Return a caption's embedding (tokens x channels), padded no further than needed, which is what costs."""
        embeddings, _ = self._pipeline.encode_prompt(
            [text], do_classifier_free_guidance=False, max_sequence_length=self._padded_tokens(text)
        )
        embedding: torch.Tensor = embeddings[0]
        if len(embedding) != self._caption_tokens(text):
            raise EngineError(
                f"The tokenizer made {len(embedding)} tokens of a caption where {self._caption_tokens(text)} were "
                "counted: this version of diffusers wraps captions in another way."
            )
        return embedding


def wrapped(tokenizer: Any, text: str) -> str:
    """Return a caption in the tokenizer's chat template, as diffusers wraps it for this model."""
    said = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=True
    )
    return str(said)


def _require_libraries() -> None:
    try:
        # Asked for now, so as not to fail in the middle of loading.
        import diffusers  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise EngineError(f"The torch engine is not installed ({error}): install packshot[torch].") from error


def _dtype(precision: str, device: str) -> "torch.dtype":
    import torch

    if precision == "fp8":
        raise EngineUnsuitable("The torch engine cannot compute in 'fp8': choose 'bf16' or 'fp32' in the recipe.")
    if precision not in ("fp32", "bf16"):
        raise EngineUnsuitable(
            f"The precision {precision!r} is not one of 'fp32' and 'bf16'; in 'fp16' this model overflows to black."
        )
    if precision == "bf16" and device == "cuda" and torch.cuda.get_device_capability() < (8, 0):
        raise EngineUnsuitable(f"{torch.cuda.get_device_name()!r} has no bf16: choose 'fp32' in the recipe.")
    if precision == "fp32" and device == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return torch.float32 if precision == "fp32" else torch.bfloat16


def _folder(source: str | None, revision: str | None) -> Path:
    """Return the local folder that `source` names, or the one its pinned commit is downloaded to."""
    if not source:
        raise EngineError("The torch engine needs a model: give a local folder, or a hub id and its revision.")
    if Path(source).is_dir():
        return Path(source)
    if not HUB_ID.fullmatch(source):
        raise EngineError(f"The model {source!r} is neither a folder on this machine nor a hub id (owner/name).")
    if not COMMIT.fullmatch(revision or ""):
        raise EngineError(
            f"The hub model {source!r} needs a revision of 40 hex digits, not {revision!r}: a branch's name can "
            "mean another model tomorrow. (There is no local folder of that name.)"
        )
    from diffusers import ZImagePipeline

    try:
        return Path(ZImagePipeline.download(source, revision=revision, use_safetensors=True))
    except (OSError, ValueError) as error:
        raise EngineError(f"The hub model {source!r} at {revision!r} could not be downloaded: {error}.") from error


def _pipeline(folder: Path, dtype: "torch.dtype", without: Set[str]) -> Any:
    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    pipeline = diffusers.ZImagePipeline.from_pretrained(
        str(folder), dtype=dtype, use_safetensors=True, local_files_only=True, **dict.fromkeys(without)
    )
    pipeline.set_progress_bar_config(disable=True)
    if "vae" not in without:
        pipeline.vae.enable_slicing()
    for name in sorted({"transformer", "text_encoder", "vae"} - without):
        found = {weight.dtype for weight in getattr(pipeline, name).parameters()}
        if found != {dtype}:
            raise EngineError(f"The {name} in {str(folder)!r} was loaded as {found!r}, not as {dtype!r}.")
    return pipeline


def _answer(prompt: Prompt, image: "torch.Tensor") -> Frame | Failure:
    """Turn an image (3 x height x width, 0 to 1) into a frame that owns its pixels."""
    if not bool(image.isfinite().all()):
        return Failure(prompt.key, "The model's picture holds values that are not numbers.")
    if float(image.max()) <= 0:
        return Failure(prompt.key, "The model's picture is black all over.")
    pixels = (image.permute(1, 2, 0) * 255).round().byte().contiguous().numpy().copy()
    return Frame(prompt.key, pixels, 0.0)
