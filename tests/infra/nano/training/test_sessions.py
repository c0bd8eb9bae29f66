"""Sessions of training: one that was stopped ends like one that was not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from infra.nano.training.sessions import (
    STATE_FILE,
    TrainingSchedule,
    TrainingSession,
    load_averaged_weights,
    with_steps,
)

SCHEDULE = TrainingSchedule(steps=60, rate=0.2, warm_up_steps=5)
TRUTH = torch.tensor([[1.0, -2.0, 0.5]])


def fresh() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 1, bias=False)


def session(folder: Path, module: nn.Linear, schedule: TrainingSchedule = SCHEDULE) -> TrainingSession:
    return TrainingSession(module, schedule, folder, seed=3)


def loss_of(module: nn.Linear, generator: np.random.Generator) -> Tensor:
    inputs = torch.from_numpy(generator.standard_normal((16, 3), np.float32))
    return torch.nn.functional.mse_loss(module(inputs), inputs @ TRUTH.T)


def learn(folder: Path, module: nn.Linear, steps: int = 60) -> TrainingSession:
    learner = session(folder, module)
    learner.schedule = SCHEDULE
    while learner.step < steps:
        learner._train_step(lambda generator: loss_of(module, generator))
    learner.save()
    return learner


def test_it_learns_and_the_average_follows(tmp_path: Path) -> None:
    module = fresh()
    learner = session(tmp_path, module)
    learner.run(lambda generator: loss_of(module, generator), "Test")
    assert learner.step == 60
    assert (module.weight - TRUTH).abs().max() < 0.1
    assert (learner.average["weight"] - TRUTH).abs().max() < 0.5


def test_a_session_that_was_stopped_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole, first, second = fresh(), fresh(), fresh()
    unbroken = learn(tmp_path / "whole", whole)
    learn(tmp_path / "broken", first, steps=23)
    resumed = learn(tmp_path / "broken", second)
    assert torch.equal(second.weight, whole.weight)
    assert torch.equal(resumed.average["weight"], unbroken.average["weight"])
    assert resumed.step == 60
    assert [path.name for path in (tmp_path / "broken").iterdir()] == [STATE_FILE]


def test_the_average_is_what_is_exported(tmp_path: Path) -> None:
    module = fresh()
    learner = learn(tmp_path, module)
    [found] = load_averaged_weights(tmp_path).values()
    assert torch.equal(found, learner.average["weight"])
    assert not torch.equal(found, module.weight)


def test_another_step_sees_other_randomness(tmp_path: Path) -> None:
    module, seen = fresh(), []
    learner = session(tmp_path, module, with_steps(SCHEDULE, 3))

    def loss(generator: np.random.Generator) -> Tensor:
        seen.append(float(generator.random()))
        return loss_of(module, generator)

    learner.run(loss, "Test")
    assert len(set(seen)) == 3


def test_the_rate_rises_and_falls() -> None:
    rates = [SCHEDULE.learning_rate_at(step) for step in range(60)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == rates[4] == pytest.approx(0.2)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] < 0.004
    assert with_steps(SCHEDULE, None) is SCHEDULE
