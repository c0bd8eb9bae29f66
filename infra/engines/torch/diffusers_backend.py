"""The diffusers backend: Z-Image through `ZImagePipeline`, on a CUDA device or (slowly) a CPU.

Inputs: weights, a precision, an accelerator; prompts. Outputs: frames of plain uint8 pixels.
`infra.models.loading` reads weights, `caption_embedding` embeds, `acceleration` makes it faster; this module generates
a batch.

Facts of this model that shape the code. Any guidance above 0 doubles the work, so Turbo's exact 0.0 passes through. One
generator for each image, on the CPU, gives each the noise of its own seed on every device. Images become bytes on the
device: a quarter of the numbers to copy, and the engine's thread has no arithmetic of its own between two batches.
"""

import gc
import os
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from infra.engines.backend import Accelerator, OutOfDeviceMemory
from infra.engines.torch.acceleration import EagerAccelerator
from infra.engines.torch.caption_embedding import CaptionEmbedder
from infra.engines.torch.inpainting import RegionInpainter
from infra.engines.torch.placement import place_pipeline
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import CAPTION_TOO_LONG, Failure, Frame, Pixels, Prompt, caption_too_long_sentence
from infra.models.library_state import library_state
from infra.models.loading import PipelineSource, require_torch_extra, weights_dtype
from infra.onnx_graphs.graph_spec import MAX_CAPTION_TOKENS

if TYPE_CHECKING:
    import torch

TEXT_ENCODER_BATCH = 16
"""Captions in one call of the text encoder on a GPU: 1,536 tokens of typical captions, where it no longer waits for its
own weights. On a CPU it is 1: nothing is gained there, and an image's bytes stay independent of its neighbours."""

NOT_LOADED = "The torch backend holds no model: it is not loaded, or already closed."


def default_batch_size() -> int:
    """Return the default batch size: 4 on CUDA, 1 on a CPU.

    At 1024 px one image fills a large GPU and 4 cost nothing but memory; at 512 px kernel launches dominate and 4 give
    about 2.8 times the images (SGLang, pull request 22183). A CPU gains next to nothing, and one at a time makes an
    image's bytes independent of its neighbours.
    """
    require_torch_extra()
    import torch

    return 4 if torch.cuda.is_available() else 1


class DiffusersBackend:
    """Generates with diffusers' `ZImagePipeline`. `load` raises `EngineError` or `EngineUnsuitable` with the reason."""

    name = "torch"

    def __init__(self, weights: PipelineSource, precision: str, accelerator: Accelerator | None = None) -> None:
        self._weights = weights
        self._precision = precision
        self._accelerator = accelerator or EagerAccelerator()
        self._pipeline: Any = None
        self._caption_embedder: CaptionEmbedder | None = None
        self._inpainter: RegionInpainter | None = None

    def load(self) -> None:
        """Check machine and weights, put them on the device in the requested precision, attach the accelerator."""
        require_torch_extra()
        import torch

        from infra.engines.torch.fp8_linear import quantize_linear_layers

        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = weights_dtype(self._precision, device)
        pipeline = self._weights.load_pipeline(dtype, self._accelerator.replaces)
        pipeline.set_progress_bar_config(disable=True)
        if "vae" not in self._accelerator.replaces:
            pipeline.vae.enable_slicing()
        try:
            if self._precision == "fp8" and pipeline.transformer is not None:
                quantize_linear_layers(pipeline.transformer, device)
            place_pipeline(pipeline, device)
        except torch.OutOfMemoryError as error:
            raise EngineUnsuitable(f"The model does not fit this device: {error}.") from error
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise EngineError(f"The model could not be put on the device: {error}.") from error
        if device == "cpu":
            _reserve_one_core()
        self._pipeline = pipeline
        self._caption_embedder = CaptionEmbedder(pipeline, TEXT_ENCODER_BATCH if device == "cuda" else 1)
        self._inpainter = RegionInpainter(pipeline)
        self._accelerator.attach(pipeline)

    def batch_key(self, prompt: Prompt) -> Hashable:
        """Return size, steps, guidance and padded caption length; announce the caption for embedding.

        Images around a kept region have batches of their own, so that they reach no other image's bytes.
        """
        tokens = self._loaded_embedder.padded_token_count(prompt.text)
        self._loaded_embedder.announce(prompt.text)
        key = prompt.width, prompt.height, prompt.steps, prompt.guidance, tokens
        return key if prompt.kept_region is None else (*key, "kept region")

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Generate one batch; an unsupported size, and an image that is black or not finite, is a Failure."""
        import torch

        answers: dict[int, Frame | Failure] = {}
        try:
            refusals = {number: self._refusal(prompt) for number, prompt in enumerate(prompts)}
            answers.update({number: refusal for number, refusal in refusals.items() if refusal is not None})
            possible = [number for number in range(len(prompts)) if number not in answers]
            if possible:
                answers.update(zip(possible, self._run_pipeline([prompts[number] for number in possible]), strict=True))
        except torch.OutOfMemoryError as error:
            memory_error = str(error)
        except torch.AcceleratorError as error:
            raise EngineError(f"The device failed, and needs a new process: {error}.") from error
        else:
            return [answers[number] for number in range(len(prompts))]
        # Outside the handler: while the exception lives, its traceback holds the batch's tensors.
        self._accelerator.free_memory()
        gc.collect()
        torch.cuda.empty_cache()
        raise OutOfDeviceMemory(memory_error)

    def close(self) -> None:
        """Drop the model and free its memory."""
        self._accelerator.close()
        self._pipeline = self._caption_embedder = self._inpainter = None
        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @property
    def _loaded_embedder(self) -> CaptionEmbedder:
        if self._caption_embedder is None:
            raise EngineError(NOT_LOADED)
        return self._caption_embedder

    @property
    def _loaded_inpainter(self) -> RegionInpainter:
        if self._inpainter is None:
            raise EngineError(NOT_LOADED)
        return self._inpainter

    def _refusal(self, prompt: Prompt) -> Failure | None:
        """Return why a prompt cannot be generated, None where it can."""
        if reason := self._unsupported_reason(prompt):
            return Failure(prompt.key, reason)
        if tokens := self._excess_tokens(prompt):
            sentence = caption_too_long_sentence(tokens, MAX_CAPTION_TOKENS)
            return Failure(prompt.key, sentence, code=CAPTION_TOO_LONG)
        return None if prompt.kept_region is None else self._loaded_inpainter.refusal(prompt)

    def _unsupported_reason(self, prompt: Prompt) -> str | None:
        step = self._pipeline.vae_scale_factor * 2
        largest = step * min(self._pipeline.transformer.config.axes_lens[1:])
        for side in (prompt.width, prompt.height):
            if side % step or not 0 < side <= largest:
                size = f"{prompt.width}x{prompt.height}"
                return f"The size {size} cannot be generated: sides must be multiples of {step} up to {largest}."
        return (
            None if prompt.steps >= 1 else f"An image needs at least one step: the prompt has steps = {prompt.steps!r}."
        )

    def _excess_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of a caption that the model does not read as a whole; 0 where it does."""
        for text in (prompt.text, prompt.negative if prompt.guidance > 0 else ""):
            if (tokens := self._loaded_embedder.token_count(text)) > MAX_CAPTION_TOKENS:
                return tokens
        return 0

    def _run_pipeline(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        import torch

        first = prompts[0]
        texts = [each.text for each in prompts]
        negatives = [each.negative for each in prompts] if first.guidance > 0 else []
        generators = [torch.Generator("cpu").manual_seed(each.seed) for each in prompts]
        with library_state.computing(), torch.no_grad():
            embeddings = self._loaded_embedder.embed(texts + negatives)
            images = self._pipeline(
                prompt_embeds=embeddings[: len(texts)],
                negative_prompt_embeds=embeddings[len(texts) :],
                width=first.width,
                height=first.height,
                num_inference_steps=first.steps,
                guidance_scale=first.guidance,
                generator=generators,
                output_type="pt",
                **(self._loaded_inpainter.arguments(prompts, generators) if first.kept_region else {}),
            ).images
            return _frames_or_failures(prompts, images)


def _reserve_one_core() -> None:
    """Limit torch to one core less than there are, where it would use them all.

    Its threads wait for one another at every operation: when encoding pushes one off its core, all of them stand still.
    On 2 cores a small model made 0.4 to 0.7 times the images of diffusers in a loop, and with one thread less 0.8 to
    1.1 times.
    """
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), len(os.sched_getaffinity(0)) - 1)))


def _frames_or_failures(prompts: Sequence[Prompt], images: "torch.Tensor") -> list[Frame | Failure]:
    """Turn images (batch x 3 x height x width, 0 to 1, on the device) into frames that own their pixels."""
    images = images.float()
    sound, brightest = images.flatten(1).isfinite().all(1), images.flatten(1).amax(1)
    # A value that is not finite becomes an arbitrary byte; such an image becomes a Failure below.
    pixels = (images.permute(0, 2, 3, 1) * 255).round().byte()
    fetched = zip(prompts, *_copy_to_host(pixels, sound, brightest), strict=True)
    return [
        _frame_or_failure(prompt, image.numpy().copy(), finite=bool(finite), black=float(bright) <= 0)
        for prompt, image, finite, bright in fetched
    ]


def _copy_to_host(*tensors: "torch.Tensor") -> "Sequence[torch.Tensor]":
    """Return the tensors in main memory: all copies are queued behind the generation, with one wait."""
    import torch

    if not tensors[0].is_cuda:
        return tensors
    fetched = [torch.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in tensors]
    for ours, theirs in zip(fetched, tensors, strict=True):
        ours.copy_(theirs, non_blocking=True)
    torch.cuda.current_stream().synchronize()
    return fetched


def _frame_or_failure(prompt: Prompt, pixels: Pixels, *, finite: bool, black: bool) -> Frame | Failure:
    if not finite:
        return Failure(prompt.key, "The model's image holds values that are not finite.")
    if black:
        return Failure(prompt.key, "The model's image is entirely black.")
    return Frame(prompt.key, pixels, 0.0)
