"""Resumable training sessions: the state is saved at intervals, and the next session continues from it.

Inputs: modules, a schedule, the loss of one step. Outputs: the trained modules, and a log line at each save.
All randomness of a step is drawn from (seed, step), so an interruption changes nothing but the time of day.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

SAVE_INTERVAL_SECONDS = 30.0
"""Time between two saves: what a killed session loses at most."""

STATE_FILE = "state.safetensors"
"""The session's state: weights, their moving averages, the optimizer's moments; the step is in its metadata."""

MOMENTS = ("exp_avg", "exp_avg_sq")
"""Adam's state of each weight."""

Loss = Callable[[np.random.Generator], Tensor]


@dataclass(frozen=True)
class TrainingSchedule:
    """Steps and learning rate: `rate` rises over `warm_up_steps` and falls along a cosine to a hundredth of it."""

    steps: int
    rate: float
    warm_up_steps: int = 100
    average_decay: float = 0.9995
    """Decay of the weights' moving average in each step; it is lower at first (`9 / (10 + step)` is new)."""

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of one step."""
        if step < self.warm_up_steps:
            return self.rate * (step + 1) / self.warm_up_steps
        share = (step - self.warm_up_steps) / max(1, self.steps - self.warm_up_steps)
        return self.rate * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * min(share, 1.0)))))


def with_steps(schedule: TrainingSchedule, steps: int | None) -> TrainingSchedule:
    """Return the schedule, with `steps` in place of its own where given."""
    return schedule if steps is None else replace(schedule, steps=steps)


class TrainingSession:
    """Trains a module to the end of its schedule, and saves its state in a folder."""

    def __init__(self, module: nn.Module, schedule: TrainingSchedule, folder: Path, seed: int) -> None:
        self.module, self.schedule, self.folder, self.seed = module, schedule, folder, seed
        self.step = 0
        self._optimizer = torch.optim.AdamW(module.parameters(), lr=schedule.rate, betas=(0.9, 0.99), weight_decay=0.0)
        self.average = {name: weight.detach().clone() for name, weight in module.state_dict().items()}
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / STATE_FILE).exists():
            self._resume()

    def run(self, loss: Loss, name: str) -> None:
        """Train until the schedule ends."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        saved_at, recent_losses = time.monotonic(), []
        with Progress(*columns) as progress:
            bar = progress.add_task(name, total=self.schedule.steps, completed=self.step)
            while self.step < self.schedule.steps:
                recent_losses.append(self._train_step(loss))
                progress.update(bar, completed=self.step, description=f"{name} {np.mean(recent_losses[-50:]):.4f}")
                if time.monotonic() - saved_at > SAVE_INTERVAL_SECONDS:
                    self._log(recent_losses)
                    self.save()
                    saved_at, recent_losses = time.monotonic(), []
        self.save()

    def save(self) -> None:
        """Write the state atomically."""
        state = self._optimizer.state_dict()["state"]
        tensors = {f"weights.{name}": weight for name, weight in self.module.state_dict().items()}
        tensors |= {f"average.{name}": weight for name, weight in self.average.items()}
        tensors |= {f"{name}.{index}": moments[name] for index, moments in state.items() for name in MOMENTS}
        unfinished = self.folder / f"{STATE_FILE}.unfinished"
        save_file({name: each.contiguous() for name, each in tensors.items()}, unfinished, {"step": str(self.step)})
        unfinished.replace(self.folder / STATE_FILE)

    def _train_step(self, loss: Loss) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self.schedule.learning_rate_at(self.step)
        step_loss = loss(np.random.default_rng((self.seed, self.step)))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(step_loss)
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self._optimizer.step()
        decay = min(self.schedule.average_decay, 1 - 1 / (10 + self.step) * 9)
        with torch.no_grad():
            for name, weight in self.module.state_dict().items():
                self.average[name].lerp_(weight, 1 - decay)
        self.step += 1
        return float(step_loss.detach())

    def _resume(self) -> None:
        self.step, tensors = _load_state(self.folder)
        self.module.load_state_dict(_tensors_below("weights.", tensors))
        self.average = _tensors_below("average.", tensors)
        moments = {name: _tensors_below(f"{name}.", tensors) for name in MOMENTS}
        state = self._optimizer.state_dict()
        state["state"] = {
            int(index): {"step": torch.tensor(float(self.step)), **{name: moments[name][index] for name in MOMENTS}}
            for index in moments[MOMENTS[0]]
        }
        self._optimizer.load_state_dict(state)

    def _log(self, losses: list[float]) -> None:
        line = {"step": self.step, "loss": round(float(np.mean(losses)), 5), "time": round(time.time())}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def load_averaged_weights(folder: Path) -> dict[str, Tensor]:
    """Return the moving averages of the weights in a session's folder."""
    return _tensors_below("average.", _load_state(folder)[1])


def _load_state(folder: Path) -> tuple[int, dict[str, Tensor]]:
    with safe_open(folder / STATE_FILE, "pt") as state:
        return int(state.metadata()["step"]), {name: state.get_tensor(name) for name in state.keys()}  # noqa: SIM118


def _tensors_below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
