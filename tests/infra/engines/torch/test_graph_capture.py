"""The stand-in keeps a recording's contract: fixed addresses in, a fixed address out."""

import pytest

pytest.importorskip("torch")

import torch

from infra.engines.torch.graph_capture import CudaGraphCapturer, FakeGraphCapturer


def test_a_replay_reads_what_the_inputs_hold_now_and_fills_the_same_output() -> None:
    recorder, numbers = FakeGraphCapturer(size=7), torch.tensor([1.0, 2.0])
    recording = recorder.capture(lambda: numbers + 1)
    output = recording.output
    numbers.mul_(10)
    assert output.tolist() == [2, 3]
    recording.replay()
    assert output.tolist() == [11, 21]
    assert recording.memory_bytes == 7
    recording.free()
    assert (recorder.captured, recorder.replayed, recorder.freed, len(recorder.threads)) == (1, 1, 1, 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_cuda_graph_keeps_the_same_contract() -> None:
    numbers = torch.tensor([1.0, 2.0], device="cuda")
    recording = CudaGraphCapturer().capture(lambda: numbers + 1)
    output = recording.output
    numbers.mul_(10)
    recording.replay()
    torch.cuda.synchronize()
    assert output.tolist() == [11, 21]
    recording.free()
