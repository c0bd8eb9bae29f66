"""What enters the large linear layers is measured while pictures are painted, and nothing else is changed by it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("diffusers")

from infra.engines.tensorrt.fp8_calibration import (
    BLOCK_LINEARS,
    Fp8Calibration,
    Fp8Calibrator,
    calibrate_model,
    layer_name,
    read_fp8_calibration,
    run_calibration,
    write_fp8_calibration,
)
from infra.engines.threaded import ThreadedEngine
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.errors import EngineError
from infra.interfaces import Frame, Prompt
from infra.models.loading import StoredPipeline
from infra.models.model_files import model_folder_digest

PROMPTS = [Prompt(str(seed), text, seed, 64, 64, steps=2) for seed, text in enumerate(["a mug", "a red ball " * 9])]
GIVEN: dict[str, Any] = {"weights_digest": "ab", "prompts": 2, "prompts_digest": "cd", "largest": {"layers.2.x": 1.5}}


def measured(model: Path, prompts: list[Prompt], kept: int = 1) -> Fp8Calibration:
    return calibrate_model(model, model_folder_digest(model), prompts, kept)


def test_every_linear_layer_behind_the_kept_blocks_has_its_range(tiny_model: Path) -> None:
    found = measured(tiny_model, PROMPTS)
    assert set(found.largest) == {layer_name(1, linear) for linear in BLOCK_LINEARS}
    reads = {name: found.largest[layer_name(1, name)] for name in BLOCK_LINEARS}
    assert reads["attention.to_q"] == reads["attention.to_k"] == reads["attention.to_v"]
    assert reads["feed_forward.w1"] == reads["feed_forward.w3"] != reads["feed_forward.w2"]
    assert (found.prompts, found.weights_digest) == (2, model_folder_digest(tiny_model))


def test_ranges_are_those_of_all_steps_and_all_prompts(tiny_model: Path) -> None:
    both = measured(tiny_model, PROMPTS).largest
    alone = [measured(tiny_model, [prompt]).largest for prompt in PROMPTS]
    for name, value in both.items():
        assert value == pytest.approx(max(one[name] for one in alone), rel=1e-5)
    assert any(alone[0][name] != alone[1][name] for name in both)


def test_a_range_is_the_largest_number_that_entered_in_either_sign() -> None:
    calibrator = Fp8Calibrator()
    see = calibrator._input_hook("layers.2.x")
    see(None, (torch.tensor([1.0, -3.0]),))
    see(None, (torch.tensor([2.0, 2.5]),))
    assert calibrator.input_maxima() == {"layers.2.x": 3.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0])
def test_what_is_no_range_is_refused(value: float) -> None:
    calibrator = Fp8Calibrator()
    calibrator._input_hook("layers.2.x")(None, (torch.tensor([value]),))
    with pytest.raises(EngineError, match=r"inputs of 'layers\.2\.x' reach .*, which is no usable range"):
        calibrator.input_maxima()


def test_watching_moves_no_pixel_and_ends_with_the_engine(tiny_model: Path) -> None:
    plain = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32")
    calibrator = Fp8Calibrator(1)
    watched = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32", calibrator)
    pictures = []
    for painter in (plain, watched):
        painter.load()
        [answer] = painter.generate_batch(PROMPTS[:1])
        assert isinstance(answer, Frame)
        pictures.append(answer.pixels)
    assert np.array_equal(*pictures)
    layer = watched._pipeline.transformer.layers[1].attention.to_q
    assert len(layer._forward_pre_hooks) == 1
    watched.close()
    assert len(layer._forward_pre_hooks) == 0


def test_a_model_without_further_blocks_and_an_empty_list_are_refused(tiny_model: Path) -> None:
    with pytest.raises(
        EngineError, match="2 joint blocks and the first 2 are not quantized: there is nothing to calibrate"
    ):
        measured(tiny_model, PROMPTS, kept=2)
    with pytest.raises(EngineError, match="no prompts to calibrate with"):
        measured(tiny_model, [])


def test_a_prompt_that_cannot_be_painted_ends_it(tiny_model: Path) -> None:
    calibrator = Fp8Calibrator(1)
    painter = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32", calibrator)
    engine = ThreadedEngine(painter, 1, 4)
    with pytest.raises(EngineError, match="65x64"):
        run_calibration(engine, calibrator, [Prompt("odd", "a mug", 1, 65, 64, steps=1)], "ab")
    engine.close()


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = Fp8Calibration(**GIVEN)
    write_fp8_calibration(tmp_path / "fp8.json", made)
    assert read_fp8_calibration(tmp_path / "fp8.json") == made
    assert read_fp8_calibration(tmp_path / "fp8.json").digest == made.digest
    assert Fp8Calibration(**{**GIVEN, "largest": {"layers.2.x": 1.6}}).digest != made.digest


def test_a_file_that_is_no_calibration_is_named_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "fp8.json"
    with pytest.raises(EngineError, match=r"fp8\.json' cannot be read .* make one with `packshot engine calibrate`"):
        read_fp8_calibration(path)
    path.write_text('{"version": 1}')
    with pytest.raises(EngineError, match=r"is no calibration \(weights_digest: Field required\)"):
        read_fp8_calibration(path)
