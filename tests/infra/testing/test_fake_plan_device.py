"""The fake device keeps a GPU's order of events: captured work runs when replayed, and scratch memory never moves."""

import pytest
import torch

from infra.errors import EngineError
from infra.testing.fake_plan_device import CpuDevice


def test_captured_work_runs_when_it_is_replayed_and_not_before() -> None:
    device, done = CpuDevice(), []
    replay = device.capture(lambda: done.append(1))
    assert (done, device.events) == ([], ["record"])
    replay()
    replay()
    device.synchronize()
    assert (done, device.events) == ([1, 1], ["record", "replay", "replay", "synchronize"])


def test_scratch_memory_is_the_largest_request_and_cannot_grow() -> None:
    device = CpuDevice()
    for size in (10, 300, 20):
        device.request_scratch(size)
    address, size = device.scratch_memory()
    assert size == 300
    assert device.scratch_memory() == (address, 300)
    with pytest.raises(EngineError, match=r"301 .*scratch"):
        device.request_scratch(301)


def test_memory_has_the_requested_shape_and_type() -> None:
    tensor = CpuDevice().empty((2, 3), torch.bfloat16)
    assert (tensor.shape, tensor.dtype, tensor.device.type) == ((2, 3), torch.bfloat16, "cpu")
