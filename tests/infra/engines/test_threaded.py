"""The engine thread under every fault that can be ordered: nothing lost, nothing twice, nobody waits for ever."""

import pickle
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.engines.threaded import ThreadedEngine
from infra.errors import EngineError
from infra.interfaces import Failure, Frame, Prompt
from infra.testing.faulty_engine import FaultyBackend
from tests.fixtures.kept_regions import kept_region
from tests.fixtures.waiting import eventually

PATIENCE = 20
"""Seconds after which a test that waits for another thread says that it hangs."""


def prompts(count: int, text: str = "a mug", side: int = 4, first: str = "") -> list[Prompt]:
    return [Prompt(f"{first}{number}", text, number, side, side) for number in range(count)]


def reasons(answers: list[Frame | Failure]) -> dict[str, str]:
    return {answer.key: answer.reason for answer in answers if isinstance(answer, Failure)}


class Consumer(threading.Thread):
    """Takes a stream's answers on a thread of its own, and waits for `resume` after the first `pause_after`."""

    def __init__(self, engine: ThreadedEngine, wanted: list[Prompt], pause_after: int | None = None) -> None:
        super().__init__(daemon=True)
        self.engine, self.wanted, self.pause_after = engine, wanted, pause_after
        self.answers: list[Frame | Failure] = []
        self.paused, self.resume = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for answer in self.engine.generate(self.wanted):
                self.answers.append(answer)
                if len(self.answers) == self.pause_after:
                    self.paused.set()
                    self.resume.wait(PATIENCE)
        except EngineError as error:
            self.error = error

    def finished(self) -> bool:
        self.join(PATIENCE)
        return not self.is_alive()


@given(
    texts=st.lists(st.sampled_from(["a", "bb", "ccc", "[poison]", "d[poison]", "[ungroupable]", "ee"]), max_size=24),
    batch_size=st.integers(1, 6),
    window=st.integers(1, 12),
    capacity=st.one_of(st.none(), st.integers(1, 6)),
)
@settings(max_examples=60)
def test_every_prompt_gets_exactly_one_answer(
    texts: list[str], batch_size: int, window: int, capacity: int | None
) -> None:
    painter = FaultyBackend(capacity=capacity and capacity * 16)
    engine = ThreadedEngine(painter, batch_size, window)
    wanted = [Prompt(str(number), text, number, 4, 4) for number, text in enumerate(texts)]
    answers = list(engine.generate(iter(wanted)))
    engine.close()
    assert Counter(answer.key for answer in answers) == Counter(prompt.key for prompt in wanted)
    assert set(reasons(answers)) == {prompt.key for prompt in wanted if "[poison]" in prompt.text}
    by_key = {prompt.key: prompt for prompt in wanted}
    for batch in painter.batches:
        assert len(batch) <= batch_size
        assert len({len(by_key[key].text) for key in batch}) == 1
    for answer in answers:
        if isinstance(answer, Frame):
            assert int(answer.pixels[0, 0, 0]) == by_key[answer.key].seed


def test_prompts_of_one_group_are_painted_together_wherever_they_stand_in_the_window() -> None:
    painter = FaultyBackend()
    engine = ThreadedEngine(painter, batch_size=3, window=6)
    mixed = [Prompt(f"{text}{number}", text, 0, 4, 4) for number in range(3) for text in ("a", "bb")]
    list(engine.generate(mixed))
    assert painter.batches == [("a0", "a1", "a2"), ("bb0", "bb1", "bb2")]


def test_loading_painting_and_releasing_happen_on_one_thread_that_is_not_the_callers() -> None:
    painter = FaultyBackend()
    engine = ThreadedEngine(painter, 2, 4)
    list(engine.generate(prompts(3)))
    engine.close()
    engine.close()
    assert [call for call, _ in painter.calls] == ["load", "generate", "generate", "close"]
    assert len({thread for _, thread in painter.calls}) == 1
    assert painter.calls[0][1] != threading.get_ident()


def test_a_poisoned_image_spares_its_batch() -> None:
    engine = ThreadedEngine(FaultyBackend(), 4, 4)
    bad = [Prompt("bad", "[poison]" + "x" * 500, 0, 4, 4), *prompts(2, "[poison]" + "y" * 500, first="y")]
    wanted = [*prompts(3), *bad]
    answers = list(engine.generate(wanted))
    assert set(reasons(answers)) == {"bad", "y0", "y1"}
    assert reasons(answers)["bad"].startswith("ValueError: cannot generate [poison]xxx")
    assert reasons(answers)["bad"].count("x") < 80
    assert len(answers) == 6


def test_out_of_memory_halves_the_batch_and_the_smaller_size_is_remembered() -> None:
    painter = FaultyBackend(capacity=2 * 16)
    engine = ThreadedEngine(painter, 8, 16)
    answers = list(engine.generate(prompts(12)))
    assert reasons(answers) == {}
    assert [len(batch) for batch in painter.batches] == [8, 4, 2, 2, 2, 2, 2, 2]


def test_one_size_that_does_not_fit_leaves_the_batches_of_another_alone() -> None:
    painter = FaultyBackend(capacity=4 * 16)
    engine = ThreadedEngine(painter, 4, 16)
    list(engine.generate(prompts(4, side=8, first="large") + prompts(8)))
    assert [len(batch) for batch in painter.batches if not batch[0].startswith("large")] == [4, 4]
    assert [len(batch) for batch in painter.batches if batch[0].startswith("large")] == [4, 2, 1, 1, 1, 1]


def test_an_image_that_does_not_fit_alone_is_a_failure() -> None:
    engine = ThreadedEngine(FaultyBackend(capacity=16), 4, 4)
    answers = list(engine.generate(prompts(1, side=8, first="large") + prompts(1)))
    assert reasons(answers) == {"large0": "OutOfDeviceMemory: 1 images are more than 16 pixels."}


def test_a_stream_whose_consumer_is_busy_does_not_keep_the_engine_from_the_next() -> None:
    painter = FaultyBackend()
    engine = ThreadedEngine(painter, 1, 8)
    slow = Consumer(engine, prompts(20, first="slow"), pause_after=1)
    slow.start()
    assert slow.paused.wait(PATIENCE)
    quick = Consumer(engine, prompts(20, first="quick"))
    quick.start()
    assert quick.finished()
    assert len(quick.answers) == 20
    assert len(slow.answers) == 1
    assert len([batch for batch in painter.batches if batch[0].startswith("slow")]) <= 4
    slow.resume.set()
    assert slow.finished()
    assert len(slow.answers) == 20


def test_streams_are_served_first_come_first_served_without_a_pause_between_them() -> None:
    painter = FaultyBackend(wait_for_permits=True)
    engine = ThreadedEngine(painter, 4, 64)
    first, second = Consumer(engine, prompts(10, first="a")), Consumer(engine, prompts(10, first="b"))
    first.start()
    while not painter.calls[1:]:
        first.join(0.001)
    second.start()
    while sum(len(stream.queued) for stream in engine._streams) < 16:
        second.join(0.001)
    for painted in (4, 8, 10, 14, 18, 20):
        painter.permit_batches(1)
        while len(first.answers) + len(second.answers) < painted:
            first.join(0.001)
    assert first.finished()
    assert second.finished()
    assert [batch[0][0] for batch in painter.batches] == ["a", "a", "a", "b", "b", "b"]
    assert [len(batch) for batch in painter.batches] == [4, 4, 2, 4, 4, 2]


def test_reading_ahead_is_bounded_by_the_window_and_the_queue() -> None:
    drawn: list[str] = []

    def source() -> Iterator[Prompt]:
        for prompt in prompts(1000):
            drawn.append(prompt.key)
            yield prompt

    painter = FaultyBackend()
    engine = ThreadedEngine(painter, 2, 8)
    stream = engine.generate(source())
    taken = [next(stream) for _ in range(10)]
    assert len(drawn) <= len(taken) + 8 + 4 + 2
    stream.close()
    engine.close()
    assert len(drawn) < 30


@pytest.mark.parametrize(("side", "batch_size", "most"), [(64, 2, 4), (64, 6, 6), (16, 2, 32), (0, 2, 32)])
def test_kept_regions_that_wait_are_bounded_by_their_bytes_but_for_one_batch(
    monkeypatch: pytest.MonkeyPatch, side: int, batch_size: int, most: int
) -> None:
    monkeypatch.setattr("infra.engines.threaded.MAX_KEPT_REGION_BYTES", 4 * 64 * 64 * 4)
    region = kept_region(side, side) if side else None
    painter = FaultyBackend(wait_for_permits=True)
    engine = ThreadedEngine(painter, batch_size, 32)
    consumer = Consumer(engine, [replace(prompt, kept_region=region) for prompt in prompts(100)])
    consumer.start()
    while not painter.calls[1:]:
        consumer.join(0.001)
    (stream,) = engine._streams
    assert eventually(lambda: len(stream.queued) == most)
    painter.permit_batches(1)
    assert eventually(lambda: len(consumer.answers) == batch_size)
    assert eventually(lambda: len(stream.queued) == most)
    painter.permit_batches(1000)
    assert consumer.finished()
    assert len(consumer.answers) == 100
    engine.close()


def test_a_consumer_that_stops_early_leaves_the_engine_free() -> None:
    painter = FaultyBackend(wait_for_permits=True)
    engine = ThreadedEngine(painter, 1, 4)
    painter.permit_batches(1)
    abandoned = engine.generate(prompts(50, first="abandoned"))
    next(abandoned)
    abandoned.close()
    painter.permit_batches(1000)
    assert len(list(engine.generate(prompts(5)))) == 5
    assert sum(batch[0].startswith("abandoned") for batch in painter.batches) <= 2
    engine.close()


def test_closing_wakes_a_consumer_that_waits() -> None:
    painter = FaultyBackend(wait_for_permits=True)
    engine = ThreadedEngine(painter, 1, 4)
    consumer = Consumer(engine, prompts(50))
    consumer.start()
    while not painter.calls[1:]:
        consumer.join(0.001)
    painter.permit_batches(1)
    engine.close()
    assert consumer.finished()
    assert "closed" in str(consumer.error)
    with pytest.raises(EngineError, match="'faulty' is closed"):
        list(engine.generate(prompts(1)))
    assert list(painter.calls)[-1][0] == "close"


def test_what_an_iterator_raises_reaches_its_own_consumer_only() -> None:
    def broken() -> Iterator[Prompt]:
        yield from prompts(3, first="broken")
        raise KeyError("the catalogue ended in the middle")

    painter = FaultyBackend(wait_for_permits=True)
    engine = ThreadedEngine(painter, 1, 2)
    other = Consumer(engine, prompts(6))
    other.start()
    painter.permit_batches(1000)
    with pytest.raises(KeyError, match="in the middle"):
        list(engine.generate(broken()))
    assert other.finished()
    assert len(other.answers) == 6
    assert other.error is None


def test_a_lost_device_ends_the_engine_and_every_consumer_hears_why() -> None:
    painter = FaultyBackend(wait_for_permits=True)
    engine = ThreadedEngine(painter, 4, 8)
    first, second = Consumer(engine, prompts(1, "[deadly]")), Consumer(engine, prompts(3))
    first.start()
    while not painter.calls[1:]:
        first.join(0.001)
    second.start()
    painter.permit_batches(1000)
    assert first.finished()
    assert second.finished()
    assert str(first.error) == str(second.error) == "The device was lost, as ordered."
    engine.close()
    assert [call for call, _ in painter.calls][-1] == "close"


def test_an_engine_that_cannot_load_says_so_where_it_is_opened() -> None:
    painter = FaultyBackend(load_succeeds=False)
    with pytest.raises(EngineError, match="ordered not to load") as caught:
        ThreadedEngine(painter, 1, 1)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301
    assert [call for call, _ in painter.calls] == ["load", "close"], "what was loaded of it is given back"


def test_engine_time_is_shared_among_the_images_of_a_batch() -> None:
    engine = ThreadedEngine(FaultyBackend(), 4, 8)
    assert engine.first_batch_started is None
    assert engine.busy_seconds() == 0
    answers = list(engine.generate(prompts(8)))
    assert sum(answer.seconds for answer in answers) == pytest.approx(engine.busy_seconds())
    assert engine.first_batch_started is not None
    assert engine.last_batch_ended is not None
    assert 0 < engine.busy_seconds() <= engine.last_batch_ended - engine.first_batch_started


def test_the_idle_share_is_what_lies_between_paintings() -> None:
    painter = FaultyBackend(wait_for_permits=True)
    engine = ThreadedEngine(painter, 1, 1)
    assert engine.idle_share() is None
    painter.permit_batches(2)
    list(engine.generate(prompts(1)))
    time.sleep(0.3)  # nobody asks for anything
    list(engine.generate(prompts(1)))
    idle = engine.idle_share()
    assert idle is not None
    assert engine.last_batch_ended is not None
    assert engine.first_batch_started is not None
    between = engine.last_batch_ended - engine.first_batch_started - engine.busy_seconds()
    assert between >= 0.3
    assert idle == pytest.approx(between / (engine.last_batch_ended - engine.first_batch_started))
    engine.close()


def test_no_prompts_give_no_answers() -> None:
    engine = ThreadedEngine(FaultyBackend(), 4, 8)
    assert list(engine.generate([])) == []
