"""A model's configurations are read whole, with what its files leave out."""

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

from infra.engines.tensorrt.model_configs import component_configs, pixels_per_latent
from infra.errors import EngineError
from infra.nano import MODEL_FOLDER


def test_what_a_file_leaves_out_is_what_diffusers_takes(tmp_path: Path) -> None:
    for name in ("transformer", "vae"):
        shutil.copytree(MODEL_FOLDER / name, tmp_path / name)
    path = tmp_path / "transformer" / "config.json"
    config = json.loads(path.read_text())
    del config["axes_lens"], config["rope_theta"]
    path.write_text(json.dumps(config))
    transformer, vae = component_configs(tmp_path)
    assert (transformer["dim"], transformer["rope_theta"], list(transformer["axes_lens"])) == (
        192,
        256.0,
        [1024, 512, 512],
    )
    assert pixels_per_latent(vae) == 16


def test_a_missing_configuration_names_its_folder(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"The configuration in '.*transformer' cannot be read"):
        component_configs(tmp_path)
