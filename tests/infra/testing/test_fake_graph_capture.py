"""The fake capturer keeps a captured graph's contract: fixed addresses in, a fixed address out."""

import pytest

pytest.importorskip("torch")

import torch

from infra.testing.fake_graph_capture import FakeGraphCapturer


def test_a_replay_reads_what_the_inputs_hold_now_and_fills_the_same_output() -> None:
    capturer, numbers = FakeGraphCapturer(size=7), torch.tensor([1.0, 2.0])
    graph = capturer.capture(lambda: numbers + 1)
    output = graph.output
    numbers.mul_(10)
    assert output.tolist() == [2, 3]
    graph.replay()
    assert output.tolist() == [11, 21]
    assert graph.memory_bytes == 7
    graph.free()
    assert (capturer.captured, capturer.replayed, capturer.freed, len(capturer.threads)) == (1, 1, 1, 1)


def test_an_ordered_error_is_raised_and_nothing_is_counted() -> None:
    capturer = FakeGraphCapturer()
    capturer.error = RuntimeError("operation not permitted when stream is capturing")
    with pytest.raises(RuntimeError, match="not permitted"):
        capturer.capture(lambda: torch.zeros(1))
    assert capturer.captured == 0
