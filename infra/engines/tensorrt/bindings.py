"""TensorRT bindings: the vendor's module, its version check, and its types.

Inputs: none. Outputs: the module, or an error that says what to install.
Every function that uses TensorRT takes the module as an argument, so that `infra.testing.fake_tensorrt` can stand for
it. Only 11.4 up to, but not including, 12 is supported: before 11 a network's precision was set by flags that are gone,
and the names used here were compared with those of the 11.4 bindings.
"""

import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

from infra.errors import EngineError, EngineUnsuitable, one_line

if TYPE_CHECKING:
    import tensorrt
    import torch

MIN_VERSION, VERSION_LIMIT = (11, 4), (12, 0)


def load_tensorrt() -> ModuleType:
    """Return TensorRT's module; raise `EngineError` where it is missing or its version is not supported."""
    try:
        import tensorrt
    except (ImportError, OSError) as error:
        raise EngineError(
            f"TensorRT is not installed ({error}): install packshot[tensorrt] on a machine with an NVIDIA GPU and a "
            "driver for CUDA 13, or use --engine torch."
        ) from error
    check_tensorrt_version(str(tensorrt.__version__))
    module: ModuleType = tensorrt
    return module


def check_tensorrt_version(version: str) -> None:
    """Raise `EngineUnsuitable` for a version that is not supported."""
    parsed = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not MIN_VERSION <= parsed < VERSION_LIMIT:
        raise EngineUnsuitable(
            f"TensorRT {version!r} is not supported: install one from {'.'.join(map(str, MIN_VERSION))} up to, but not "
            f"including, {VERSION_LIMIT[0]} (pip install 'packshot[tensorrt]')."
        )


def torch_dtypes(trt: Any) -> "dict[tensorrt.DataType, torch.dtype]":
    """Return torch's type for each element type of TensorRT, whose own `nptype` fails on bf16 and fp8."""
    import torch

    return {
        trt.DataType.FLOAT: torch.float32,
        trt.DataType.HALF: torch.float16,
        trt.DataType.BF16: torch.bfloat16,
        trt.DataType.FP8: torch.float8_e4m3fn,
        trt.DataType.INT8: torch.int8,
        trt.DataType.INT32: torch.int32,
        trt.DataType.INT64: torch.int64,
        trt.DataType.UINT8: torch.uint8,
        trt.DataType.BOOL: torch.bool,
    }


def create_error_logger(trt: Any) -> Any:
    """Return a logger that collects errors, for the message of a failure."""

    class ErrorLogger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: "tensorrt.ILogger.Severity", message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(one_line(message))

    return ErrorLogger()
