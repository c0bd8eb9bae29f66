"""The budget against torch's own counter, on models without memory, and against the published size of the job."""

import pytest

pytest.importorskip("diffusers")

import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from torch.utils.flop_counter import FlopCounterMode

from infra.evaluation.flops import DecoderSizes, TransformerSizes, image_flops

SMALL: dict[str, object] = {
    "dim": 96,
    "n_layers": 3,
    "n_refiner_layers": 2,
    "n_heads": 4,
    "n_kv_heads": 4,
    "cap_feat_dim": 40,
}
SMALL |= {"in_channels": 16}


def counted(work: object, *arguments: object, **others: object) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work(*arguments, **others)  # type: ignore[operator]
    return int(counter.get_total_flops())


def forwarded(width: int, height: int, tokens: int, **sizes: object) -> tuple[TransformerSizes, int]:
    with torch.device("meta"):
        model = ZImageTransformer2DModel(**sizes).to(torch.bfloat16)
        model.rope_embedder.freqs_cis = [
            torch.empty(length, dims // 2, dtype=torch.complex64)
            for length, dims in zip(model.axes_lens, model.axes_dims, strict=True)
        ]
        latents = [torch.empty(16, 1, height, width, dtype=torch.bfloat16)]
        captions = [torch.empty(tokens, model.config.cap_feat_dim, dtype=torch.bfloat16)]
        found = counted(model, latents, torch.empty(1), captions, return_dict=False)
    return TransformerSizes.from_config(model.config), found


@pytest.mark.parametrize(("width", "height", "tokens"), [(8, 8, 20), (16, 24, 64), (20, 12, 33)])
def test_a_forward_pass_is_what_torch_counts(width: int, height: int, tokens: int) -> None:
    sizes, found = forwarded(width, height, tokens, **SMALL, axes_dims=[8, 8, 8], axes_lens=[256, 32, 32])
    assert sizes.flops(width, height, tokens) == found


def test_the_large_model_is_what_torch_counts() -> None:
    sizes, found = forwarded(128, 128, 96)
    assert sizes == TransformerSizes()
    assert sizes.flops(128, 128, 96) == found
    assert found == pytest.approx(56.09e12, rel=0.001)


@pytest.mark.parametrize("attends", [True, False])
def test_decoding_is_what_torch_counts(attends: bool) -> None:
    with torch.device("meta"):
        vae = AutoencoderKL(
            block_out_channels=(16, 32, 64, 64), down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4, layers_per_block=2, latent_channels=16, norm_num_groups=4,
            use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=attends,
        )  # fmt: skip
        found = counted(vae.decode, torch.empty(1, 16, 12, 8))
    assert DecoderSizes.from_config(vae.config).flops(8, 12) == found


def test_a_whole_picture_is_the_published_job() -> None:
    # 8 steps at 1024 px: 449 TFLOP in the transformer and 10.5 in the VAE
    whole = image_flops(TransformerSizes(), DecoderSizes(), (1024, 1024), 96, 8)
    assert whole == pytest.approx(459.2e12, rel=0.002)
    assert image_flops(TransformerSizes(), DecoderSizes(), (512, 512), 96, 8) == pytest.approx(108.9e12, rel=0.003)
