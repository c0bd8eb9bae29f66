"""The faults that other tests order do happen, and only when they are ordered."""

import threading

import pytest

from infra.engines.backend import OutOfDeviceMemory
from infra.errors import EngineError
from infra.interfaces import Prompt
from infra.testing.faulty_engine import FaultyBackend


def prompt(text: str, side: int = 4) -> Prompt:
    return Prompt("key", text, 1, side, side)


def test_each_word_orders_its_own_fault() -> None:
    painter = FaultyBackend()
    with pytest.raises(ValueError, match=r"cannot generate a \[poison\]"):
        painter.generate_batch([prompt("a mug"), prompt("a [poison]")])
    with pytest.raises(EngineError, match="lost"):
        painter.generate_batch([prompt("[deadly]")])
    with pytest.raises(LookupError):
        painter.batch_key(prompt("[ungroupable]"))
    assert len(painter.generate_batch([prompt("a mug")])) == 1


def test_the_capacity_counts_pixels() -> None:
    painter = FaultyBackend(capacity=2 * 16)
    assert len(painter.generate_batch([prompt("a"), prompt("b")])) == 2
    with pytest.raises(OutOfDeviceMemory, match="3 images are more than 32 pixels"):
        painter.generate_batch([prompt("a"), prompt("b"), prompt("c")])


def test_a_held_painter_paints_as_many_batches_as_it_is_allowed() -> None:
    painter = FaultyBackend(wait_for_permits=True)
    thread = threading.Thread(target=lambda: [painter.generate_batch([prompt("a")]) for _ in range(2)], daemon=True)
    thread.start()
    painter.permit_batches(1)
    thread.join(0.05)
    assert thread.is_alive()
    assert len(painter.batches) <= 1
    painter.permit_batches(1)
    thread.join(20)
    assert len(painter.batches) == 2
