"""A batch is answered in order whatever fails in it, except a lost device."""

import pytest

from infra.engines.batch_runner import MAX_REASON_CHARACTERS, BatchRunner, describe_error
from infra.errors import EngineError
from infra.interfaces import Failure, Frame, Prompt
from infra.testing.faulty_engine import FaultyBackend


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt(str(number), text, number, 4, 4) for number, text in enumerate(texts)]


def test_a_prompt_that_raises_fails_alone() -> None:
    backend = FaultyBackend()
    answers = BatchRunner(backend).run(prompts("a", "[poison]", "c"), "key")
    assert [type(answer) for answer in answers] == [Frame, Failure, Frame]
    assert backend.batches == [("0", "1", "2"), ("0",), ("1",), ("2",)]


def test_a_batch_that_does_not_fit_is_halved_and_its_key_remembers_the_size() -> None:
    runner = BatchRunner(FaultyBackend(capacity=2 * 16))
    assert runner.batch_limit("key", 4) == 4
    answers = runner.run(prompts("a", "b", "c", "d"), "key")
    assert [answer.key for answer in answers] == ["0", "1", "2", "3"]
    assert (runner.batch_limit("key", 4), runner.batch_limit("other", 4)) == (2, 4)


def test_a_lost_device_raises_and_its_time_counts_as_busy() -> None:
    runner = BatchRunner(FaultyBackend())
    with pytest.raises(EngineError, match="lost"):
        runner.run(prompts("[deadly]"), "key")
    assert runner.first_batch_started is not None
    assert runner.last_batch_ended is not None
    assert runner.busy_seconds == pytest.approx(runner.last_batch_ended - runner.first_batch_started)


def test_an_error_is_described_in_one_short_line() -> None:
    assert describe_error(ValueError("two\nlines")) == "ValueError: two lines"
    assert describe_error(ValueError()) == "ValueError"
    assert len(describe_error(ValueError("x" * 1000))) <= len("ValueError: ") + MAX_REASON_CHARACTERS + len(" …")
