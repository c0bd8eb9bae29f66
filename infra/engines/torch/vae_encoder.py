"""The VAE encoder: what turns a placed product's pixels into latents.

Inputs: a pipeline that is on its device. Outputs: its own VAE where that can encode; where an accelerator put a decoder
in the VAE's place, the encoder of the same weights, read from the model's folder.
Text-to-image needs no encoder, so none is loaded before the first prompt that keeps a region.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import EngineUnsuitable, one_line
from infra.models.library_state import library_state

if TYPE_CHECKING:
    import torch


def open_vae_encoder(pipeline: Any) -> Any:
    """Return an `AutoencoderKL` whose `encode` works, on the pipeline's device and in its VAE's dtype.

    Raises `EngineUnsuitable` where the weights hold no encoder. Must not be called inside `library_state.computing()`.
    """
    if hasattr(pipeline.vae, "encode"):
        if getattr(pipeline.vae, "encoder", None) is None:
            raise EngineUnsuitable(_absent_sentence(str(pipeline.name_or_path)))
        return pipeline.vae  # its weights are complete: a device takes no others
    return _load_encoder(Path(str(pipeline.name_or_path)), pipeline.vae.dtype).to(pipeline._execution_device)


def _load_encoder(model: Path, dtype: "torch.dtype") -> Any:
    from diffusers import AutoencoderKL

    try:
        with library_state.loading():
            vae, loaded = AutoencoderKL.from_pretrained(
                str(model / "vae"),
                torch_dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
        raise EngineUnsuitable(f"{_absent_sentence(str(model))} ({one_line(error)})") from error
    if any(name.startswith(("encoder.", "quant_conv.")) for name in loaded["missing_keys"]):
        raise EngineUnsuitable(_absent_sentence(str(model)))
    vae.decoder = None  # the engine has its own
    return vae.eval()


def _absent_sentence(model: str) -> str:
    return (
        f"The VAE in {model!r} has no encoder, so no image can be generated around a product: take weights with an"
        " encoder, or a mode that generates none."
    )
