"""Verifying a precision on a real pipeline: half against full on a CPU, by the code that compares 8 bits with half."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines import open_engine, parity_key_of
from infra.engines.parity import parity_folder, require_parity
from infra.engines.spec import EngineSpec
from infra.errors import EngineError, EngineUnsuitable
from infra.evaluation.precision_check import verify_precision
from infra.nano import MODEL_FOLDER


def test_half_precision_passes_against_full_and_the_record_is_kept(tiny_model: Path, tmp_path: Path) -> None:
    spec = EngineSpec("torch", str(tiny_model), weights_digest=None, precision="bf16")
    record = verify_precision(spec, 32, 2, tmp_path)
    assert record.passed
    assert [case.shape for case in record.cases] == ["32x32"] * 4
    assert 25 < record.psnr < 90
    assert max(case.max_abs_diff for case in record.cases) > 0
    require_parity(parity_key_of(spec), tmp_path)


def test_a_precision_that_is_not_here_is_refused_before_anything_is_painted(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(EngineUnsuitable, match="A CPU cannot compute in 'fp8'"):
        verify_precision(EngineSpec("torch", "/nowhere", precision="fp8"), 32, 2, tmp_path)


def test_the_reference_itself_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"'fp32' is the reference itself: verify one of \['bf16', 'fp8'\]"):
        verify_precision(EngineSpec("torch", "/nowhere", precision="fp32"), 32, 2, tmp_path)


@pytest.fixture
def fp8_spec(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> EngineSpec:
    # As on a GPU that has them, but for the product: the emulation's rounding is the same.
    monkeypatch.setattr("infra.models.loading.unsupported_precision_reason", lambda _precision, _gpu: None)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return EngineSpec("torch", str(MODEL_FOLDER), precision="fp8")


def test_eight_bits_are_refused_without_a_record_unless_an_operator_says_so(fp8_spec: EngineSpec) -> None:
    another = replace(fp8_spec, weights_digest="another")
    with pytest.raises(EngineUnsuitable, match="'fp8' has not been verified with these weights"):
        open_engine(another)
    with pytest.raises(EngineError, match="have the digest"):
        open_engine(replace(another, unverified=True))


@pytest.mark.slow
def test_eight_bits_are_verified_and_then_painted(fp8_spec: EngineSpec) -> None:
    spec = fp8_spec
    record = verify_precision(spec, 64, 2, parity_folder())
    assert record.passed
    assert 30 < record.psnr < 70
    engine = open_engine(spec)
    layers = engine._backend._pipeline.transformer.layers  # type: ignore[attr-defined]
    assert [type(block.attention.to_q).__name__ for block in layers] == ["Linear"] * 2 + ["Fp8Linear"] * 3
    engine.close()
    with pytest.raises(EngineUnsuitable, match="has not been verified"):
        open_engine(replace(spec, weights_digest="another"))
