"""The forms that are exported compute what diffusers computes, before any exporter has touched them."""

from typing import Any

import torch

from infra.onnx_graphs.export_modules import LatentDecoder, TokenTransformer
from infra.onnx_graphs.preprocessing import RopeConfig, latents_from_patches, transformer_inputs
from tests.infra.onnx_graphs.transformer_batches import batch_of, by_diffusers, distance


def test_on_tokens_the_transformer_is_the_same(tiny: Any):
    batch = batch_of(tiny.transformer, 20, 12, (9, 30))
    feeds = transformer_inputs(*batch, RopeConfig.from_config(tiny.transformer.config))
    with torch.no_grad():
        made = latents_from_patches(TokenTransformer(tiny.transformer)(**feeds), 20, 12)
    assert distance(made, by_diffusers(tiny.transformer, batch)) <= 1e-5


def test_in_bf16_it_rounds_where_diffusers_rounds(tiny: Any):
    """Equal to the last bit: what is exported in bf16 is the model's own bf16, not another one."""
    import copy

    model = copy.deepcopy(tiny.transformer).to(torch.bfloat16)
    latents, timestep, captions = batch_of(model, 8, 12, (9, 30))
    half = [each.bfloat16() for each in latents], timestep, [each.bfloat16() for each in captions]
    with torch.no_grad():
        made = latents_from_patches(
            TokenTransformer(model)(**transformer_inputs(*half, RopeConfig.from_config(model.config))), 8, 12
        )
    assert made[0].dtype == torch.bfloat16
    assert distance(made, by_diffusers(model, half)) == 0.0


def test_weights_are_shared_and_not_copied(tiny: Any):
    theirs = {weight.data_ptr() for weight in tiny.transformer.parameters()}
    assert {weight.data_ptr() for weight in TokenTransformer(tiny.transformer).parameters()} <= theirs
    assert {weight.data_ptr() for weight in LatentDecoder(tiny.vae).parameters()} <= {
        weight.data_ptr() for weight in tiny.vae.parameters()
    }


def test_the_model_itself_is_left_as_it_was(tiny: Any):
    batch = batch_of(tiny.transformer, 8, 8, (9,))
    before = by_diffusers(tiny.transformer, batch)
    TokenTransformer(tiny.transformer)
    assert distance(by_diffusers(tiny.transformer, batch), before) == 0.0


def test_the_decoder_is_the_same(tiny: Any):
    latents = torch.randn(2, tiny.vae.config.latent_channels, 4, 6)
    with torch.no_grad():
        made, wanted = LatentDecoder(tiny.vae)(latents), tiny.vae.decode(latents, return_dict=False)[0]
    assert distance([made], [wanted]) <= 1e-5
