"""The architecture: Z-Image's classes and conventions, in small."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from infra.engines.torch.caption_embedding import apply_chat_template
from infra.nano.architecture import (
    LATENT_CHANNELS,
    SCHEDULER_SHIFT,
    VOCABULARY_SIZE,
    create_autoencoder,
    create_pipeline,
    create_text_encoder,
    create_tokenizer,
    create_transformer,
)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return create_tokenizer(["a red mug, front view", "a blue hat, seen from above"] * 20)


def test_any_text_has_tokens_and_comes_back(tokenizer: PreTrainedTokenizerFast) -> None:
    for text in ("a red mug", "盆栽 🎉", "\u200bzero\x07", ""):
        tokens = tokenizer(text)["input_ids"]
        assert tokenizer.decode(tokens, clean_up_tokenization_spaces=False) == text
    assert len(tokenizer) <= VOCABULARY_SIZE
    assert len(tokenizer("a red mug")["input_ids"]) == 3


def test_a_caption_is_wrapped_as_a_users_message(tokenizer: PreTrainedTokenizerFast) -> None:
    said = apply_chat_template(tokenizer, "a red mug")
    assert said == "<|im_start|>user\na red mug<|im_end|>\n<|im_start|>assistant\n"


def test_padding_is_on_the_right_where_z_image_looks_for_it(tokenizer: PreTrainedTokenizerFast) -> None:
    masks = tokenizer(["a red mug", "a"], padding=True)["attention_mask"]
    assert masks == [[1, 1, 1], [1, 0, 0]]


def test_the_parts_fit_each_other(tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    pipeline = create_pipeline(
        vae=create_autoencoder(),
        tokenizer=tokenizer,
        text_encoder=create_text_encoder(tokenizer),
        transformer=create_transformer(),
    )
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.scheduler.config.shift == SCHEDULER_SHIFT
    assert pipeline.transformer.config.in_channels == pipeline.vae.config.latent_channels == LATENT_CHANNELS
    image = pipeline(prompt=["a red mug"], width=64, height=64, num_inference_steps=1, guidance_scale=0.0).images[0]
    assert image.size == (64, 64)


def test_all_of_it_is_small() -> None:
    weights = sum(
        weight.numel() for model in (create_transformer(), create_autoencoder()) for weight in model.parameters()
    )
    assert 2 * weights < 11.2e6  # bytes, in bf16; the text encoder takes most of what is left of 12 MB
