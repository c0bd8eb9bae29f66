"""A machine with a GPU, as far as it can be had without one."""

from infra.engines.tensorrt.build_manifest import Machine
from infra.engines.tensorrt.device import HostDevice
from infra.engines.tensorrt.engine_open import Host
from infra.testing.fake_tensorrt import RecordingTensorRT


def recording_host() -> Host:
    """Return a host that answers to TensorRT's names and notes what it is asked."""
    return Host(RecordingTensorRT(), HostDevice(), Machine("11.4.0.106", "NVIDIA H200", (9, 0), "580.95.05"))
