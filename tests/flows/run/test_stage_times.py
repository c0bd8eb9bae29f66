"""Stages are told as they begin and timed as they end; a stage that comes again adds up."""

import pytest

from flows.run.stage_times import StageTimes


def test_a_stage_adds_up_and_one_that_fails_counts() -> None:
    clock = iter([0.0, 1.0, 3.0, 3.0, 8.0, 10.0, 11.0, 20.0])
    told: list[str] = []
    times = StageTimes(told.append, lambda: next(clock))
    for name in ("plan", "generate"):
        with times.stage(name):
            pass
    with pytest.raises(InterruptedError), times.stage("plan"):
        raise InterruptedError
    assert (told, times.started) == (["plan", "generate", "plan"], 0.0)
    assert times.document() == {"total": 20.0, "plan": 3.0, "generate": 5.0}
