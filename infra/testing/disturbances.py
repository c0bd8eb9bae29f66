"""Disturbances: what may happen to a simulated process at one of its operations.

Inputs: a kind, and which operation. Outputs: values that `infra.testing.simulated_processes` lets happen.
"""

from dataclasses import dataclass
from typing import Literal

DisturbanceKind = Literal["killed", "fails", "sleeps", "lags"]


@dataclass(frozen=True)
class Disturbance:
    """What happens at the `nth` operation whose description holds `word`.

    killed: the process ends. fails: `InjectedFault`. sleeps: it stands still for `seconds` (None: until it is woken).
    lags: a `find` sees nothing. With `after` the operation takes effect before that.
    """

    kind: DisturbanceKind
    word: str = ""
    nth: int = 1
    after: bool = False
    seconds: float | None = None
