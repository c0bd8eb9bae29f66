"""Architecture of packshot-nano: the components of a `ZImagePipeline`, small, with random weights.

Inputs: captions, from which the tokenizer learns its vocabulary, and torch's seed. Outputs: components, which their own
modules train and `create_pipeline` puts together.
Only sizes differ from production: the same classes, a rotary axis for captions and two for the image, captions padded
to 32 tokens, 16 latent channels, 8 steps at guidance 0.
"""

from collections.abc import Iterable
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

VOCABULARY_SIZE = 1024
CAPTION_CHANNELS = 96
LATENT_CHANNELS = 16
SCHEDULER_SHIFT = 3.0
"""The scheduler's shift towards noise; the same as Z-Image-Turbo's."""

SPECIAL_TOKENS = {"end": "<|im_end|>", "start": "<|im_start|>", "pad": "<|endoftext|>"}
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The template in which diffusers wraps a caption for Z-Image's text encoder, thinking enabled."""


def create_tokenizer(captions: Iterable[str]) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer, so that any text has tokens; most words of the captions are one token."""
    pairs = Tokenizer(models.BPE())
    pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(SPECIAL_TOKENS.values()),
        show_progress=False,
    )
    pairs.train_from_iterator((f"user\n{text}\nassistant\n" for text in captions), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=pairs,
        eos_token=SPECIAL_TOKENS["end"],
        pad_token=SPECIAL_TOKENS["pad"],
        additional_special_tokens=[SPECIAL_TOKENS["start"]],
        padding_side="right",
        model_max_length=1024,
        chat_template=CHAT_TEMPLATE,
    )


def create_text_encoder(tokenizer: PreTrainedTokenizerFast) -> Qwen3Model:
    """Return a Qwen3 of three layers; Z-Image reads the state before the last."""
    return Qwen3Model(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=CAPTION_CHANNELS,
            intermediate_size=2 * CAPTION_CHANNELS,
            num_hidden_layers=3,
            num_attention_heads=3,
            num_key_value_heads=3,
            head_dim=32,
            max_position_embeddings=1024,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def create_transformer() -> ZImageTransformer2DModel:
    """Return a Z-Image transformer of 4.5 million parameters."""
    model = ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=LATENT_CHANNELS,
        dim=192,
        n_layers=5,
        n_refiner_layers=1,
        n_heads=6,
        n_kv_heads=6,
        norm_eps=1e-5,
        qk_norm=True,
        cap_feat_dim=CAPTION_CHANNELS,
        rope_theta=256.0,
        t_scale=1000.0,
        axes_dims=[8, 12, 12],
        axes_lens=[1024, 32, 32],
    )
    torch.nn.init.normal_(model.cap_pad_token, std=0.02)
    torch.nn.init.normal_(model.x_pad_token, std=0.02)
    return model


def create_autoencoder() -> AutoencoderKL:
    """Return an autoencoder with 16 channels for every 16 x 16 pixels."""
    channels = (8, 16, 32, 64, 64)
    model = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=LATENT_CHANNELS,
        block_out_channels=channels,
        down_block_types=["DownEncoderBlock2D"] * len(channels),
        up_block_types=["UpDecoderBlock2D"] * len(channels),
        layers_per_block=1,
        norm_num_groups=1,  # a group of one channel would lose its mean: the image's colours
        sample_size=256,
        act_fn="silu",
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
        force_upcast=False,
        scaling_factor=1.0,  # replaced when the latents are measured
        shift_factor=0.0,
    )
    _initialize_as_identity(model)
    return model


def _initialize_as_identity(model: AutoencoderKL) -> None:
    """Initialize the network to pass red, green and blue straight through, at a lower resolution.

    From the usual random weights it learns grey outlines first, and takes thousands of steps to find the colours.
    """
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Conv2d):
            continue
        if name.endswith("conv2"):
            for weight in module.parameters():  # a residual block starts as the identity
                torch.nn.init.zeros_(weight)
        elif not name.endswith("conv1"):
            identity = torch.nn.init.dirac_(torch.empty_like(module.weight))
            with torch.no_grad():
                module.weight.mul_(0.5).add_(identity)


def create_pipeline(**components: Any) -> ZImagePipeline:
    """Return a pipeline of trained components, with Z-Image-Turbo's scheduler."""
    scheduler = FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000, shift=SCHEDULER_SHIFT, use_dynamic_shifting=False
    )
    return ZImagePipeline(scheduler=scheduler, **components)
