"""Model configurations: the components' sizes that an engine needs, without their weights.

Inputs: a model's folder. Outputs: the complete configurations of transformer and VAE: a file omits values that were
the defaults when it was written, so they are filled in.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import EngineError

ComponentConfig = Mapping[str, Any]


def component_configs(model: Path) -> tuple[ComponentConfig, ComponentConfig]:
    """Return the configurations of a pipeline's transformer and VAE; raise `EngineError` where one cannot be read."""
    try:
        from diffusers import AutoencoderKL, ZImageTransformer2DModel
    except ImportError as error:
        raise EngineError(f"diffusers is not installed ({error}): install packshot[torch].") from error
    return _complete_config(ZImageTransformer2DModel, model / "transformer"), _complete_config(
        AutoencoderKL, model / "vae"
    )


def pixels_per_latent(vae: ComponentConfig) -> int:
    """Return the pixels on each side of one latent pixel: the size doubles between the decoder's stages."""
    return int(2 ** (len(vae["block_out_channels"]) - 1))


def _complete_config(kind: Any, folder: Path) -> ComponentConfig:
    try:
        config = kind.load_config(str(folder))
    except (OSError, ValueError) as error:
        raise EngineError(f"The configuration in {str(folder)!r} cannot be read: {error}.") from error
    parameters = inspect.signature(kind.__init__).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}
    return {**defaults, **config}
