"""The host's device has a GPU's order of events: recorded work is done when repeated, scratch never moves."""

import pytest
import torch

from infra.engines.tensorrt.device import CpuDevice
from infra.errors import EngineError


def test_recorded_work_is_done_when_it_is_repeated_and_not_before() -> None:
    device, done = CpuDevice(), []
    replay = device.capture(lambda: done.append(1))
    assert (done, device.events) == ([], ["record"])
    replay()
    replay()
    device.synchronize()
    assert (done, device.events) == ([1, 1], ["record", "replay", "replay", "synchronize"])


def test_scratch_is_the_most_that_was_wished_for_and_stays_where_it_is() -> None:
    device = CpuDevice()
    for size in (10, 300, 20):
        device.request_scratch(size)
    address, size = device.scratch_memory()
    assert size == 300
    device.request_scratch(300)
    assert device.scratch_memory() == (address, 300)
    with pytest.raises(EngineError, match="301 bytes of scratch memory, and 300 are in use already: open all plans"):
        device.request_scratch(301)


def test_memory_has_the_shape_and_type_that_was_asked_for() -> None:
    made = CpuDevice().empty((2, 3), torch.bfloat16)
    assert (made.shape, made.dtype, made.device.type) == ((2, 3), torch.bfloat16, "cpu")
