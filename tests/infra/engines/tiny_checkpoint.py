"""A real Z-Image pipeline, thousands of times too small: random weights, nothing downloaded.

Its pad tokens are random too, as a trained model's are: zeros would hide every mistake in padding.
"""

from pathlib import Path
from typing import Any


def build_tiny_checkpoint(folder: Path, seed: int = 0) -> Path:
    """Save a Z-Image pipeline of random weights (safetensors, fp32, the same for the same seed) and return `folder`."""
    import torch

    from infra.nano.architecture import create_pipeline, create_text_encoder, create_tokenizer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = create_tokenizer(())  # single bytes: nothing is learnt
        pipeline = create_pipeline(
            vae=_autoencoder(),
            text_encoder=create_text_encoder(tokenizer).eval(),
            tokenizer=tokenizer,
            transformer=_transformer(),
        )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def _transformer() -> Any:
    import torch
    from diffusers import ZImageTransformer2DModel

    from infra.nano.architecture import CAPTION_CHANNELS, LATENT_CHANNELS

    transformer = ZImageTransformer2DModel(
        in_channels=LATENT_CHANNELS,
        dim=48,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=CAPTION_CHANNELS,
        axes_dims=[8, 8, 8],
        axes_lens=[1024, 64, 64],
    ).eval()
    for token in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(token, std=0.5)
    return transformer


def _autoencoder() -> Any:
    from diffusers import AutoencoderKL

    from infra.nano.architecture import LATENT_CHANNELS

    channels = (8, 16, 16, 16)
    return AutoencoderKL(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=channels,
        down_block_types=["DownEncoderBlock2D"] * len(channels),
        up_block_types=["UpDecoderBlock2D"] * len(channels),
        layers_per_block=1,
        norm_num_groups=4,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=0.3611,
        shift_factor=0.1159,
    ).eval()
