"""Scratch memory is one block of the largest size requested, and never moves once it is allocated."""

import pytest

from infra.engines.tensorrt.device import ScratchMemory
from infra.errors import EngineError
from infra.testing.fake_plan_device import CpuDevice


def test_scratch_is_the_largest_request_and_stays_where_it_is() -> None:
    scratch, device = ScratchMemory(), CpuDevice()
    for size in (10, 300, 20):
        scratch.request(size)
    address, size = scratch.allocate(device)
    assert size == 300
    scratch.request(300)
    assert scratch.allocate(device) == (address, 300)
    with pytest.raises(EngineError, match=r"301 .*scratch"):
        scratch.request(301)
