"""An encoder is found where there is one, and its absence is told by the folder that lacks it."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from safetensors.torch import load_file, save_file

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.torch.vae_encoder import open_vae_encoder
from infra.errors import EngineError, EngineUnsuitable
from infra.models.loading import StoredPipeline


def replaced_vae(model: Path, dtype: torch.dtype = torch.float32) -> Any:
    """Return what a pipeline is to the encoder where an accelerator put a decoder in its VAE's place."""
    decoder = SimpleNamespace(dtype=dtype)
    return SimpleNamespace(vae=decoder, name_or_path=str(model), _execution_device=torch.device("cpu"))


def without(model: Path, folder: Path, prefix: str) -> Path:
    """Return a copy of a model whose VAE lacks the weights of a prefix."""
    copy = Path(shutil.copytree(model, folder))
    file = copy / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    kept = {name: weight for name, weight in weights.items() if not name.startswith(prefix)}
    assert 0 < len(kept) < len(weights)
    save_file(kept, file)
    return copy


def test_a_pipelines_own_vae_is_its_encoder_and_nothing_is_read_twice(tiny_model: Path) -> None:
    pipeline = StoredPipeline(str(tiny_model)).load_pipeline(torch.float32)
    assert open_vae_encoder(pipeline) is pipeline.vae
    pipeline.vae.to("meta")  # where layers that take turns on a GPU wait for theirs
    assert open_vae_encoder(pipeline) is pipeline.vae


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_where_a_decoder_took_the_vaes_place_the_folders_encoder_gives_the_same_latents(
    tiny_model: Path, dtype: torch.dtype
) -> None:
    own = StoredPipeline(str(tiny_model)).load_pipeline(dtype).vae
    read = open_vae_encoder(replaced_vae(tiny_model, dtype))
    image = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32).to(dtype)
    with torch.no_grad():
        assert torch.equal(read.encode(image).latent_dist.mode(), own.encode(image).latent_dist.mode())
    assert read.config.scaling_factor == own.config.scaling_factor
    assert read.decoder is None, "the engine has its own, and memory is dear"


def test_a_vae_whose_encoder_was_taken_away_is_refused_by_its_folder(tiny_model: Path) -> None:
    pipeline = StoredPipeline(str(tiny_model)).load_pipeline(torch.float32)
    pipeline.vae.encoder = None
    with pytest.raises(EngineUnsuitable, match=re.escape(f"The VAE in {str(tiny_model)!r} has no encoder")):
        open_vae_encoder(pipeline)


def test_weights_without_an_encoder_are_refused_by_name_and_never_filled_with_chance(
    tiny_model: Path, tmp_path: Path
) -> None:
    headless = without(tiny_model, tmp_path / "headless", "encoder.")
    with pytest.raises(EngineUnsuitable) as caught:
        open_vae_encoder(replaced_vae(headless))
    assert f"The VAE in {str(headless)!r} has no encoder" in str(caught.value)
    with pytest.raises(EngineError, match="could not be put on the device"):
        open_engine(EngineSpec("torch", str(headless)))
    one_missing = without(tiny_model, tmp_path / "one", "encoder.conv_in.bias")
    with pytest.raises(EngineUnsuitable, match="has no encoder"):
        open_vae_encoder(replaced_vae(one_missing))


def test_a_folder_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(EngineUnsuitable, match=r"has no encoder.*\(.*config.json"):
        open_vae_encoder(replaced_vae(tmp_path))
