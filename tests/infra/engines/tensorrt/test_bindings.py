"""Which TensorRT is taken, what its types are, and what its logger keeps."""

import sys
from types import ModuleType

import pytest
import torch

from infra.engines.tensorrt.bindings import check_tensorrt_version, create_error_logger, load_tensorrt, torch_dtypes
from infra.errors import EngineError, EngineUnsuitable
from infra.testing.fake_tensorrt import FakeTensorRT
from infra.testing.fake_tensorrt_runtime import Severity


@pytest.mark.parametrize("version", ["11.4.0", "11.4.0.106", "11.12.1"])
def test_versions_from_11_4_up_to_12_are_taken(version: str) -> None:
    check_tensorrt_version(version)


@pytest.mark.parametrize("version", ["10.13.3.9", "11.3.9", "12.0.0", "8.6", "unknown", ""])
def test_every_other_version_is_refused_by_its_name(version: str) -> None:
    with pytest.raises(EngineUnsuitable) as caught:
        check_tensorrt_version(version)
    assert f"TensorRT {version!r} is not supported: install one from 11.4 up to, but not including, 12" in str(
        caught.value
    )


def test_a_missing_tensorrt_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(EngineError, match=r"install packshot\[tensorrt\] on a machine with an NVIDIA GPU"):
        load_tensorrt()


def test_an_installed_tensorrt_is_taken_or_refused_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = ModuleType("tensorrt")
    monkeypatch.setitem(sys.modules, "tensorrt", installed)
    installed.__version__ = "11.4.0.106"  # type: ignore[attr-defined]
    assert load_tensorrt() is installed
    installed.__version__ = "10.13.3.9"  # type: ignore[attr-defined]
    with pytest.raises(EngineUnsuitable, match=r"'10\.13\.3\.9' is not supported"):
        load_tensorrt()


def test_every_type_has_its_own_in_torch() -> None:
    trt = FakeTensorRT()
    types = torch_dtypes(trt)
    assert types[trt.DataType.BF16] is torch.bfloat16
    assert types[trt.DataType.FP8] is torch.float8_e4m3fn
    assert set(types) == set(trt.DataType)
    assert len(set(types.values())) == len(types)


def test_errors_are_kept_on_one_line_and_warnings_are_not() -> None:
    heard = create_error_logger(FakeTensorRT())
    for severity in Severity:
        heard.log(severity, f"{severity.name}\n  said")
    assert heard.errors == ["INTERNAL_ERROR said", "ERROR said"]
