"""A captured CUDA graph: fixed addresses in, a fixed address out."""

import pytest

pytest.importorskip("torch")

import torch

from infra.engines.torch.graph_capture import CudaGraphCapturer


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_replay_reads_what_the_inputs_hold_now_and_fills_the_same_output() -> None:
    numbers = torch.tensor([1.0, 2.0], device="cuda")
    graph = CudaGraphCapturer().capture(lambda: numbers + 1)
    output = graph.output
    numbers.mul_(10)
    graph.replay()
    torch.cuda.synchronize()
    assert output.tolist() == [11, 21]
    graph.free()
