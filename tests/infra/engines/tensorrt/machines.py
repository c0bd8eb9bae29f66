"""A machine with a GPU, as far as it can be had without one."""

from infra.engines.tensorrt.build_manifest import TensorRtMachine
from infra.engines.tensorrt.device import CpuDevice
from infra.engines.tensorrt.engine_open import TensorRtHost
from infra.testing.fake_tensorrt import FakeTensorRT


def recording_host() -> TensorRtHost:
    """Return a host that answers to TensorRT's names and notes what it is asked."""
    return TensorRtHost(FakeTensorRT(), CpuDevice(), TensorRtMachine("11.4.0.106", "NVIDIA H200", (9, 0), "580.95.05"))
