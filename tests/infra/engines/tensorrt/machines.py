"""A machine with a GPU, as far as it can be had without one."""

from infra.engines.tensorrt.cards import Machine
from infra.engines.tensorrt.device import HostDevice
from infra.engines.tensorrt.opening import Host
from infra.engines.tensorrt.recording import RecordingTensorRT


def recording_host() -> Host:
    """Return a host that answers to TensorRT's names and notes what it is asked."""
    return Host(RecordingTensorRT(), HostDevice(), Machine("11.4.0.106", "NVIDIA H200", (9, 0), "580.95.05"))
