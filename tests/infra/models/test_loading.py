"""Loading: what is named is checked, and what was asked for is what is loaded."""

import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import torch

from infra.errors import EngineError, EngineUnsuitable
from infra.models.folder_listing import component_files
from infra.models.loading import WEIGHTED_COMPONENTS, StoredPipeline, unsupported_precision_reason, weights_dtype
from infra.models.model_files import model_folder_digest

ALL_COMPONENTS = ("scheduler", "text_encoder", "tokenizer", "transformer", "vae")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_component_has_the_precision_that_was_asked_for(tiny_model: Path, dtype: torch.dtype) -> None:
    pipeline = StoredPipeline(str(tiny_model), digest=model_folder_digest(tiny_model)).load_pipeline(dtype)
    for name in WEIGHTED_COMPONENTS:
        assert {weight.dtype for weight in getattr(pipeline, name).parameters()} == {dtype}


def test_a_component_that_is_left_out_is_none(tiny_model: Path) -> None:
    pipeline = StoredPipeline(str(tiny_model)).load_pipeline(torch.float32, frozenset({"transformer", "vae"}))
    assert pipeline.transformer is None
    assert pipeline.vae is None
    assert pipeline.text_encoder is not None


def test_weights_of_another_digest_are_not_opened(tiny_model: Path) -> None:
    with pytest.raises(EngineError, match=r"have the digest .* not 'abc'"):
        StoredPipeline(str(tiny_model), digest="abc").load_pipeline(torch.float32)


def test_a_folder_of_the_digested_files_alone_loads_as_the_whole_one(tiny_model: Path, tmp_path: Path) -> None:
    """So nothing outside the digest reaches a pixel."""
    for path in (tiny_model / "model_index.json", *component_files(tiny_model, components := ALL_COMPONENTS)):
        copy = tmp_path / path.relative_to(tiny_model)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == set(components)
    whole, alone = (StoredPipeline(str(folder)).load_pipeline(torch.float32) for folder in (tiny_model, tmp_path))
    for name in WEIGHTED_COMPONENTS:
        weights, copies = (getattr(pipeline, name).state_dict() for pipeline in (whole, alone))
        assert all(torch.equal(weights[key], copies[key]) for key in weights | copies)
    assert whole.tokenizer.chat_template == alone.tokenizer.chat_template


def test_half_precision_of_the_wrong_kind_is_refused_with_the_reason() -> None:
    with pytest.raises(EngineUnsuitable, match="overflows to black"):
        weights_dtype("fp16", "cpu")


@pytest.mark.parametrize(
    ("precision", "gpu", "reason"),
    [
        ("fp32", None, None),
        ("bf16", None, None),
        ("fp8", None, "A CPU cannot compute in 'fp8'"),
        ("fp8", ("NVIDIA H200", (9, 0)), None),
        ("fp8", ("NVIDIA L4", (8, 9)), None),
        (
            "fp8",
            ("NVIDIA A100", (8, 0)),
            "'NVIDIA A100' cannot compute in 'fp8': its compute capability is 8.0, and 8.9",
        ),
        ("bf16", ("NVIDIA A100", (8, 0)), None),
        ("bf16", ("Tesla T4", (7, 5)), "'Tesla T4' cannot compute in 'bf16': .* Choose 'fp32' in the recipe"),
        ("fp8", ("Tesla T4", (7, 5)), "Choose 'fp32' in the recipe"),
        ("fp32", ("Tesla T4", (7, 5)), None),
    ],
)
def test_a_precision_is_honoured_or_refused_by_what_the_gpu_can(
    precision: str, gpu: tuple[str, tuple[int, int]] | None, reason: str | None
) -> None:
    found = unsupported_precision_reason(precision, gpu)
    assert (found is None) == (reason is None)
    assert reason is None or re.search(reason, found or "")
