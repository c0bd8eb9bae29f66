"""Inpainting: an image is generated around a placed product, whose latents are put back after every step.

Inputs: kept regions, a VAE encoder, the noise that generation starts from. Outputs: a step callback for diffusers'
`ZImagePipeline`, which stays as it is: so its transformer may be compiled, captured or a TensorRT plan.

After the step to `sigma`, a kept latent is (1 - sigma) z + sigma noise: the photo's own latent on the straight path of
rectified flow (Esser et al. 2024, arXiv 2403.03206), as RePaint does for diffusion (Lugmayr et al. 2022, arXiv
2201.09865). At the last step sigma is 0, so kept latents end as the photo's to the last bit. All other
latents are copied and not computed, so a region without kept latents gives text-to-image's bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from infra.engines.backend import unfit_region_reason
from infra.engines.torch.vae_encoder import open_vae_encoder
from infra.errors import EngineUnsuitable
from infra.interfaces import KEPT_REGION_TOO_THIN, NO_VAE_ENCODER, Failure, KeptRegion, Prompt
from infra.interfaces.cutouts import AlphaMask

if TYPE_CHECKING:
    import torch

CORE = 255
"""The alpha from which a pixel counts as product alone."""


def kept_latent_cells(alpha: AlphaMask, pixels_per_latent: int) -> npt.NDArray[np.bool_]:
    """Return which latents are kept (rows x columns): those whose pixels are all product.

    A latent that shows any ground is generated, since the neutral ground in it would stay as a rim. On four products
    drawn at 256 px, two seeds each, pasted back over packshot-nano's scenes, the seam next to the outline was 3.1
    levels a pixel so, 4.0 where half of a latent's pixels decided, and 6.2 where one did. Without the outermost of
    these latents too it was 2.9, but 0.30 of the core were kept and not 0.70. The products grew by 0.15 in all cases
    but the rim's, 0.05. To keep the rim for the first steps alone helped where the ground was as bright as the scene,
    which is not known beforehand, and not on grey.
    """
    rows, columns = (side // pixels_per_latent for side in alpha.shape)
    cells = (alpha == CORE).reshape(rows, pixels_per_latent, columns, pixels_per_latent)
    return np.asarray(cells.all(axis=(1, 3)))


class RegionInpainter:
    """Generates around kept regions with one pipeline; opens its VAE encoder at the first of them."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._encoder: Any = None
        self._encoder_refusal = ""

    def refusal(self, prompt: Prompt) -> Failure | None:
        """Return why an image cannot be generated around a prompt's region; None where it can, or there is none."""
        if prompt.kept_region is None:
            return None
        if reason := unfit_region_reason(prompt):
            return Failure(prompt.key, reason)
        scale = self._pipeline.vae_scale_factor
        if not kept_latent_cells(prompt.kept_region.alpha, scale).any():
            sentence = (
                f"The product fills none of the image's cells of {scale}x{scale} pixels, so nothing can be generated"
                " around it: place it larger, or choose a mode that generates nothing."
            )
            return Failure(prompt.key, sentence, code=KEPT_REGION_TOO_THIN)
        if not self._open_encoder():
            return Failure(prompt.key, self._encoder_refusal, code=NO_VAE_ENCODER)
        return None

    def arguments(self, prompts: Sequence[Prompt], generators: "Sequence[torch.Generator]") -> dict[str, Any]:
        """Return the pipeline's further arguments for a batch of prompts that all have a region.

        `latents` are the noise that the pipeline would itself draw from the generators, so that a seed means the same
        with a region and without.
        """
        import torch

        first, pipeline = prompts[0], self._pipeline
        noise = pipeline.prepare_latents(
            len(prompts), pipeline.transformer.in_channels, first.height, first.width, torch.float32,
            pipeline._execution_device, list(generators),
        )  # fmt: skip
        regions = [prompt.kept_region for prompt in prompts if prompt.kept_region is not None]
        kept = encode_regions(self._encoder, regions, noise.device)
        return {"latents": noise, "callback_on_step_end": kept.step_callback(noise)}

    def _open_encoder(self) -> bool:
        if self._encoder is None and not self._encoder_refusal:
            try:
                self._encoder = open_vae_encoder(self._pipeline)
            except EngineUnsuitable as error:
                self._encoder_refusal = str(error)
        return self._encoder is not None


@dataclass(frozen=True, eq=False)
class KeptLatents:
    """The photos' latents (batch x channels x rows x columns, fp32), and which are kept (bool, one channel)."""

    latents: "torch.Tensor"
    kept: "torch.Tensor"

    def step_callback(self, noise: "torch.Tensor") -> "StepCallback":
        """Return the callback for generation that starts from this noise, of the latents' shape."""
        return StepCallback(self, noise)


@dataclass(frozen=True, eq=False)
class StepCallback:
    """Puts the kept latents back; called by the pipeline after each step as `callback_on_step_end`."""

    region: KeptLatents
    noise: "torch.Tensor"

    def __call__(self, pipeline: Any, step: int, _timestep: Any, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Return the latents after step number `step`, counted from 0."""
        import torch

        sigma = pipeline.scheduler.sigmas[step + 1]  # a tensor on the device: reading its number would wait for it
        known = (1 - sigma) * self.region.latents + sigma * self.noise
        return {"latents": torch.where(self.region.kept, known, tensors["latents"])}


def encode_regions(vae: Any, regions: Sequence[KeptRegion], device: Any) -> KeptLatents:
    """Return the latents of regions of one size: each photo is encoded once and alone, so it has no neighbours.

    The encoder's mean is taken and not a sample: it draws no number, and the same photo has the same latents. It is
    computed in the VAE's own dtype, as the decoder is, and kept in fp32, as the pipeline keeps latents: with bf16 a
    decoded pixel moved by 0.1 levels in the mean, where packshot-nano's VAE itself moves it by 9 to 14.
    """
    import torch

    latents = torch.cat([_encode(vae, region, device) for region in regions])
    scale = regions[0].alpha.shape[0] // latents.shape[2]
    kept = np.stack([kept_latent_cells(region.alpha, scale) for region in regions])
    return KeptLatents(latents, torch.from_numpy(kept)[:, None].to(device))


def _encode(vae: Any, region: KeptRegion, device: Any) -> "torch.Tensor":
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(region.pixels)).to(device).permute(2, 0, 1)[None]
    mean = vae.encode(((pixels.float() / 255) * 2 - 1).to(vae.dtype)).latent_dist.mode().float()
    scaled: torch.Tensor = (mean - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
    return scaled
