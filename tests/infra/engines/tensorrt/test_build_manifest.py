"""A card says which machine an engine is for, and anything else is refused by name."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.engines.tensorrt.build_manifest import (
    BuildManifest,
    TensorRtMachine,
    detect_machine,
    driver_version,
    read_build_manifest,
    write_build_manifest,
)
from infra.engines.tensorrt.profiles import AxisRange, ImageSize
from infra.errors import EngineError, EngineUnsuitable

HERE = TensorRtMachine("11.4.0.106", "NVIDIA H200", (9, 0), "580.95.05")
GRAPH = {"file": "model.plan", "onnx_sha256": "ab", "profiles": [{"batch": (1, 4, 4), "image_tokens": (64, 64, 64)}]}


def card(**changes: Any) -> BuildManifest:
    given = {
        "runtime": "tensorrt",
        "weights_digest": "cd",
        "precision": "bf16",
        "sizes": [(1024, 1024), (768, 512)],
        "batch": (1, 4, 4),
        "transformer": GRAPH,
        "vae_decoder": GRAPH,
        **vars(HERE),
    }
    return BuildManifest.model_validate({**given, **changes})


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_build_manifest(tmp_path, card())
    assert read_build_manifest(tmp_path) == card()
    assert read_build_manifest(tmp_path).batch_range == AxisRange(1, 4, 4)
    assert read_build_manifest(tmp_path).transformer.to_profiles() == [
        {"batch": AxisRange(1, 4, 4), "image_tokens": AxisRange(64, 64, 64)}
    ]


def test_a_folder_without_a_card_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"which lacks card\.json: build one with `packshot engine build --out`"):
        read_build_manifest(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "it: Invalid JSON"),
        (b"\xff", "cannot be read"),
        (b'{"version": 2}', "version: Input should be 1"),
        (card().model_dump_json().replace('"bf16"', '"fp16"').encode(), "precision: Input should be 'fp32', 'bf16' or"),
        (card().model_dump_json().replace('"batch"', '"batches"', 1).encode(), "batch: Field required"),
    ],
)
def test_a_card_that_is_none_names_the_place(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(EngineError, match=words):
        read_build_manifest(tmp_path)


def test_a_size_that_was_not_built_is_refused_with_those_that_were() -> None:
    assert card().unsupported_size_reason(ImageSize(768, 512)) is None
    assert card().unsupported_size_reason(ImageSize(512, 768)) == (
        "The engine was built for 1024x1024, 768x512, not for 512x768: add it to --sizes of `packshot engine build`."
    )


def test_another_tensorrt_is_refused_by_both_names() -> None:
    card().check_machine(HERE)
    with pytest.raises(EngineUnsuitable, match=r"built by TensorRT '11\.4\.0\.106' and this is '11\.5\.1': build it"):
        card().check_machine(replace(HERE, tensorrt="11.5.1"))


@pytest.mark.parametrize(
    ("level", "gpu", "capability", "fits"),
    [
        ("none", "NVIDIA H200", (9, 0), True),
        ("none", "NVIDIA H100", (9, 0), False),
        ("none", "NVIDIA H200", (10, 0), False),
        ("same-compute-capability", "NVIDIA H100", (9, 0), True),
        ("same-compute-capability", "NVIDIA B200", (10, 0), False),
        ("ampere-plus", "NVIDIA A10G", (8, 6), True),
        ("ampere-plus", "Tesla T4", (7, 5), False),
    ],
)
def test_another_gpu_is_refused_unless_the_engine_was_built_for_it(
    level: str, gpu: str, capability: tuple[int, int], fits: bool
) -> None:
    built = card(compatibility=level)
    here = replace(HERE, gpu=gpu, compute_capability=capability)
    if fits:
        built.check_machine(here)
        return
    with pytest.raises(EngineUnsuitable) as caught:
        built.check_machine(here)
    assert f"'NVIDIA H200' (9.0) with the compatibility {level!r}, and this is {gpu!r}" in str(caught.value)
    assert "build it again here" in str(caught.value)


def test_a_newer_driver_is_no_reason_to_build_again() -> None:
    card().check_machine(replace(HERE, driver="595.10"))


def test_the_drivers_version_is_asked_of_nvidia_smi_where_there_is_one(tmp_path: Path) -> None:
    smi = tmp_path / "smi"
    smi.write_text(f"#!{sys.executable}\nprint('580.95.05')\nprint('580.95.05')\n")
    smi.chmod(0o755)
    assert driver_version(str(smi)) == "580.95.05"
    smi.write_text(f"#!{sys.executable}\nraise SystemExit('no devices')\n")
    assert driver_version(str(smi)) == ""
    assert driver_version(str(tmp_path / "nowhere")) == ""


def test_a_machine_without_a_gpu_says_what_to_install() -> None:
    import torch

    if torch.cuda.is_available():
        assert detect_machine("11.4.0").compute_capability >= (5, 0)
        return
    with pytest.raises(EngineUnsuitable, match="install NVIDIA's driver for CUDA 13 and a torch with CUDA"):
        detect_machine("11.4.0")
