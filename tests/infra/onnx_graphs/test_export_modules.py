"""The forms that are exported compute what diffusers computes, before any exporter has touched them."""

from typing import Any

import torch

from infra.onnx_graphs.export_modules import LatentDecoder, TokenTransformer
from infra.onnx_graphs.preprocessing import RopeConfig, latents_from_patches, transformer_inputs
from tests.infra.onnx_graphs.transformer_batches import max_abs_difference, random_batch, run_diffusers


def test_on_tokens_the_transformer_is_the_same(tiny_pipeline: Any):
    batch = random_batch(tiny_pipeline.transformer, 20, 12, (9, 30))
    feeds = transformer_inputs(*batch, RopeConfig.from_config(tiny_pipeline.transformer.config))
    with torch.no_grad():
        made = latents_from_patches(TokenTransformer(tiny_pipeline.transformer)(**feeds), 20, 12)
    assert max_abs_difference(made, run_diffusers(tiny_pipeline.transformer, batch)) <= 1e-5


def test_in_bf16_it_rounds_where_diffusers_rounds(tiny_pipeline: Any):
    """Equal to the last bit: what is exported in bf16 is the model's own bf16, not another one."""
    import copy

    model = copy.deepcopy(tiny_pipeline.transformer).to(torch.bfloat16)
    latents, timestep, captions = random_batch(model, 8, 12, (9, 30))
    half = [each.bfloat16() for each in latents], timestep, [each.bfloat16() for each in captions]
    with torch.no_grad():
        made = latents_from_patches(
            TokenTransformer(model)(**transformer_inputs(*half, RopeConfig.from_config(model.config))), 8, 12
        )
    assert made[0].dtype == torch.bfloat16
    assert max_abs_difference(made, run_diffusers(model, half)) == 0.0


def test_weights_are_shared_and_not_copied(tiny_pipeline: Any):
    theirs = {weight.data_ptr() for weight in tiny_pipeline.transformer.parameters()}
    assert {weight.data_ptr() for weight in TokenTransformer(tiny_pipeline.transformer).parameters()} <= theirs
    assert {weight.data_ptr() for weight in LatentDecoder(tiny_pipeline.vae).parameters()} <= {
        weight.data_ptr() for weight in tiny_pipeline.vae.parameters()
    }


def test_the_model_itself_is_left_as_it_was(tiny_pipeline: Any):
    batch = random_batch(tiny_pipeline.transformer, 8, 8, (9,))
    before = run_diffusers(tiny_pipeline.transformer, batch)
    TokenTransformer(tiny_pipeline.transformer)
    assert max_abs_difference(run_diffusers(tiny_pipeline.transformer, batch), before) == 0.0


def test_the_decoder_is_the_same(tiny_pipeline: Any):
    latents = torch.randn(2, tiny_pipeline.vae.config.latent_channels, 4, 6)
    with torch.no_grad():
        made, wanted = (
            LatentDecoder(tiny_pipeline.vae)(latents),
            tiny_pipeline.vae.decode(latents, return_dict=False)[0],
        )
    assert max_abs_difference([made], [wanted]) <= 1e-5
