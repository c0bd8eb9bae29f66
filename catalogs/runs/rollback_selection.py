"""Rollback selection: what a person asks to be taken back, and what follows for each kind of slot.

Inputs: the options of `packshot rollback`. Outputs: a `RollbackSelection`, valid or refused with a sentence.

There are two kinds of rollback, and SKUs narrow both:

| asked             | goes back to                    | image replaced | slot gone since | slot new since       |
| ----------------- | ------------------------------- | -------------- | --------------- | -------------------- |
| `--to N`          | release N                       | as in N        | comes back      | stays (`--drop-new`: |
|                   |                                 |                |                 | goes)                |
| nothing           | newest release that shows       | as there       | comes back      | stays (`--drop-new`: |
|                   | something else                  |                |                 | goes)                |
| `--run RUN`       | before RUN's commit, in the     | as before it   | comes back      | goes: RUN put it     |
|                   | slots that it changed           |                |                 |                      |
| `--sku S`         | before the last commit that     | as before it   | comes back      | goes: that commit    |
|                   | changed what S shows            |                |                 | put it               |

`--to N --sku S` and `--run RUN --sku S` do the same in the slots of S alone.

Of a run, a slot that has changed again since stays as it is, and is named. An image that a policy took away since, or
that the policy in force refuses, is never restored, nor one that resembles what another SKU shows by now: its slot
stays as it is, and is named with the reason. An image
that an earlier rollback took away is restored where the asked release shows it: the later word of a person counts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from catalogs.errors import OptionError


@dataclass(frozen=True)
class RollbackSelection:
    """What to take back. Raises `OptionError` for options that contradict each other."""

    to: int | None = None
    run_id: str | None = None
    skus: tuple[str, ...] = ()
    drop_new: bool = False

    def __post_init__(self) -> None:
        if self.run_id is not None and self.to is not None:
            raise OptionError("--to goes back to a release and --run takes one run back; give one of them")
        if self.drop_new and self.takes_commits_back:
            raise OptionError(
                "--drop-new goes with a release to go back to; with --run, or --sku alone, what is new goes anyway"
            )

    @property
    def takes_commits_back(self) -> bool:
        """Tell whether single commits are undone, rather than a release shown again."""
        return self.run_id is not None or bool(self.skus and self.to is None)

    @property
    def document(self) -> dict[str, Any]:
        """Return plain values for the intent."""
        return {**asdict(self), "skus": list(self.skus)}

    def is_completed_by(self, details: Mapping[str, Any]) -> bool:
        """Tell whether a killed rollback, by the details of its intent, asked for the same."""
        if "selection" not in details:  # of a version that knew `--to` only
            return self == RollbackSelection(self.to) and self.to in (details["asked"], details["target"])
        asked = details["selection"]
        named = {**asked, "to": details["target"]} if asked["to"] is None else asked
        return self.document in (asked, named)
