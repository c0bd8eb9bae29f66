"""Tokens in, tokens out: what the front end makes is what diffusers makes inside its transformer."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import EngineError
from infra.onnx_graphs.preprocessing import (
    RopeConfig,
    caption_inputs,
    image_patches,
    latents_from_patches,
    transformer_inputs,
)
from tests.infra.onnx_graphs.transformer_batches import random_batch

CHANNELS = 3
SIDES = st.integers(1, 12).map(lambda half: half * 2)


def theirs(model: Any, latents: list[torch.Tensor], captions: list[torch.Tensor]) -> Any:
    """What diffusers makes of one image and its caption: patches, positions as angles, which tokens are padding."""
    images, words, _, image_places, word_places, image_padding, word_padding = model.patchify_and_embed(
        latents, captions, 2, 1
    )
    turn = model.rope_embedder
    kept = word_places[0][: len(words[0])]  # it makes more positions than tokens, and cuts them off later
    return images[0], words[0], turn(image_places[0]), turn(kept), image_padding[0], word_padding[0]


@given(rows=SIDES, columns=SIDES, tokens=st.integers(1, 200))
@settings(max_examples=30, deadline=None)
def test_patches_positions_and_padding_are_those_of_diffusers(tiny_pipeline: Any, rows: int, columns: int, tokens: int):
    model = tiny_pipeline.transformer
    latents, timestep, captions = random_batch(model, rows, columns, [tokens])
    mine = transformer_inputs(latents, timestep, captions, RopeConfig.from_config(model.config))
    image, words, image_turn, word_turn, image_padding, word_padding = theirs(model, latents, captions)
    assert torch.equal(mine["image_is_real"], ~image_padding)
    assert torch.equal(mine["caption_is_real"][0], ~word_padding)
    assert torch.equal(mine["image_patches"][0][~image_padding], image[~image_padding])
    assert torch.equal(mine["caption_features"][0][~word_padding], words[~word_padding])
    for turn, cosines, sines in (
        (image_turn, mine["image_cosines"], mine["image_sines"]),
        (word_turn, mine["caption_cosines"], mine["caption_sines"]),
    ):
        assert float((turn.real - cosines).abs().max()) <= 1e-6
        assert float((turn.imag - sines).abs().max()) <= 1e-6


@given(batch=st.integers(1, 4), rows=SIDES, columns=SIDES)
@settings(max_examples=30, deadline=None)
def test_latents_cut_into_patches_and_put_together_are_the_same(batch: int, rows: int, columns: int):
    latents = [torch.rand(CHANNELS, 1, rows, columns) for _ in range(batch)]
    patches = image_patches(latents)
    assert patches.shape[1] % 32 == 0
    again = latents_from_patches(patches, rows, columns)
    assert all(torch.equal(one, other) for one, other in zip(latents, again, strict=True))


def test_captions_of_two_padded_lengths_are_refused_for_want_of_a_mask():
    with pytest.raises(EngineError, match=r"32 and 33 tokens are padded to 32 and 64.*Group them by padded length"):
        caption_inputs([torch.zeros(32, 4), torch.zeros(33, 4)])


@pytest.mark.parametrize("tokens", [0, 513])
def test_a_caption_without_tokens_or_with_too_many_is_refused(tokens: int):
    with pytest.raises(EngineError, match=rf"from 1 to 512 tokens, not {tokens}"):
        caption_inputs([torch.zeros(tokens, 4)])


def test_latents_of_two_sizes_are_refused():
    with pytest.raises(EngineError, match="one size"):
        image_patches([torch.zeros(CHANNELS, 1, 4, 4), torch.zeros(CHANNELS, 1, 4, 6)])


def test_an_odd_side_is_refused():
    with pytest.raises(EngineError, match="5 x 4"):
        image_patches([torch.zeros(CHANNELS, 1, 5, 4)])


def test_a_batch_without_a_caption_for_each_image_is_refused(tiny_pipeline: Any):
    latents, timestep, captions = random_batch(tiny_pipeline.transformer, 4, 4, [7, 7])
    with pytest.raises(EngineError, match="not 2, 1 and 2"):
        transformer_inputs(latents, timestep, captions[:1], RopeConfig.from_config(tiny_pipeline.transformer.config))


def test_a_size_past_the_last_position_is_refused_and_not_wrapped_around(tiny_pipeline: Any):
    latents, timestep, captions = random_batch(tiny_pipeline.transformer, 4, 130, [7])
    with pytest.raises(EngineError, match="4 x 130 have no positions: sides must be even, up to 128"):
        transformer_inputs(latents, timestep, captions, RopeConfig.from_config(tiny_pipeline.transformer.config))


def test_positions_are_made_once_for_all_the_steps_of_a_size(tiny_pipeline: Any):
    rope = RopeConfig.from_config(tiny_pipeline.transformer.config)
    first, second = (
        transformer_inputs(*random_batch(tiny_pipeline.transformer, 8, 8, [7], seed), rope) for seed in (1, 2)
    )
    assert first["image_cosines"].data_ptr() == second["image_cosines"].data_ptr()
    assert not torch.equal(first["image_patches"], second["image_patches"])
