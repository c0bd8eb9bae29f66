"""Stage times: how long each stage of a run took, told to whoever watches as it begins.

Inputs: stages, as they begin and end. Outputs: seconds by stage, and since the start. A stage that comes again adds up.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class StageTimes:
    """The stage times of one run, which starts when this is made."""

    report_stage: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.clock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, also one that fails."""
        self.report_stage(name)
        began = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self.clock() - began

    def document(self) -> dict[str, float]:
        """Return the seconds by stage, and in total."""
        return {"total": self.clock() - self.started, **self.seconds}
