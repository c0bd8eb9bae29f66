"""Training in sessions: what is learnt so far is kept, and the next session goes on from there.

Comes in: modules, steps, a step's loss. Goes out: the trained modules, and a line of figures now and then. Whatever is
random in a step is drawn from (seed, step), so a session that was stopped changes nothing but the time of day.
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

KEEP_SECONDS = 30.0
"""Between two savings: what a killed session loses at most."""

STATE = "state.safetensors"
"""All that a session knows: weights, their moving averages, the optimizer's moments; the step is in its metadata."""

MOMENTS = ("exp_avg", "exp_avg_sq")
"""What Adam remembers of each weight."""

Loss = Callable[[np.random.Generator], Tensor]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn: `rate` rises over `warm` steps and falls along a cosine to its hundredth."""

    steps: int
    rate: float
    warm: int = 100
    decay: float = 0.9995
    """Of the moving average of the weights, a step; at first it forgets faster (`9 / (10 + step)` is new)."""

    def rate_at(self, step: int) -> float:
        """Return the rate of one step."""
        if step < self.warm:
            return self.rate * (step + 1) / self.warm
        share = (step - self.warm) / max(1, self.steps - self.warm)
        return self.rate * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * min(share, 1.0)))))


def scheduled(schedule: Schedule, steps: int | None) -> Schedule:
    """Return the schedule, with another number of steps where one is given."""
    return schedule if steps is None else replace(schedule, steps=steps)


class Session:
    """Trains a module to the end of its schedule, keeping state in a folder."""

    def __init__(self, module: nn.Module, schedule: Schedule, folder: Path, seed: int) -> None:
        self.module, self.schedule, self.folder, self.seed = module, schedule, folder, seed
        self.step = 0
        self._optimizer = torch.optim.AdamW(module.parameters(), lr=schedule.rate, betas=(0.9, 0.99), weight_decay=0.0)
        self.average = {name: weight.detach().clone() for name, weight in module.state_dict().items()}
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / STATE).exists():
            self._resume()

    def run(self, loss: Loss, name: str) -> None:
        """Learn until the schedule ends."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        kept, recent = time.monotonic(), []
        with Progress(*columns) as shown:
            bar = shown.add_task(name, total=self.schedule.steps, completed=self.step)
            while self.step < self.schedule.steps:
                recent.append(self._learn(loss))
                shown.update(bar, completed=self.step, description=f"{name} {np.mean(recent[-50:]):.4f}")
                if time.monotonic() - kept > KEEP_SECONDS:
                    self._log(recent)
                    self.keep()
                    kept, recent = time.monotonic(), []
        self.keep()

    def keep(self) -> None:
        """Write everything that the next session needs, whole or not at all."""
        state = self._optimizer.state_dict()["state"]
        tensors = {f"weights.{name}": weight for name, weight in self.module.state_dict().items()}
        tensors |= {f"average.{name}": weight for name, weight in self.average.items()}
        tensors |= {f"{name}.{place}": moments[name] for place, moments in state.items() for name in MOMENTS}
        unfinished = self.folder / f"{STATE}.unfinished"
        save_file({name: each.contiguous() for name, each in tensors.items()}, unfinished, {"step": str(self.step)})
        unfinished.replace(self.folder / STATE)

    def _learn(self, loss: Loss) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        found = loss(np.random.default_rng((self.seed, self.step)))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(found)
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self._optimizer.step()
        kept = min(self.schedule.decay, 1 - 1 / (10 + self.step) * 9)
        with torch.no_grad():
            for name, weight in self.module.state_dict().items():
                self.average[name].lerp_(weight, 1 - kept)
        self.step += 1
        return float(found.detach())

    def _resume(self) -> None:
        self.step, tensors = _kept(self.folder)
        self.module.load_state_dict(_below("weights.", tensors))
        self.average = _below("average.", tensors)
        moments = {name: _below(f"{name}.", tensors) for name in MOMENTS}
        state = self._optimizer.state_dict()
        state["state"] = {
            int(place): {"step": torch.tensor(float(self.step)), **{name: moments[name][place] for name in MOMENTS}}
            for place in moments[MOMENTS[0]]
        }
        self._optimizer.load_state_dict(state)

    def _log(self, recent: list[float]) -> None:
        line = {"step": self.step, "loss": round(float(np.mean(recent)), 5), "time": round(time.time())}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def averaged(folder: Path) -> dict[str, Tensor]:
    """Return the moving averages of the weights that a folder's sessions have learnt so far."""
    return _below("average.", _kept(folder)[1])


def _kept(folder: Path) -> tuple[int, dict[str, Tensor]]:
    with safe_open(folder / STATE, "pt") as kept:
        return int(kept.metadata()["step"]), {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
