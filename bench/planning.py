"""What planning a night costs: the first one, one on which nothing changed, one on which 2,000 SKUs did.

Comes in: how many SKUs, how many of them changed, a folder for scratch. Goes out: a cost a case, for Packshot and for
the plain loop that a shop's engineer would write.

The catalogue is `bench.synthetic_catalogue`'s, in Parquet, read by the built-in recipe with four views. Every slot of
the first night's plan is then put into a manifest as if it had been published (its shas are random bytes: planning
compares them with nothing), so the later nights meet the very ids and digests that the planner makes. The plain loop
renders every prompt, hashes it, and looks the hash up in a dict of last night's. It finds the same SKUs, and does
nothing of the rest: no row is checked, nothing is retired, no finish and no model version is told apart, no shard is
written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.planning_runs import VIEWS, plan_again, plan_first, publish_all, write_catalogues
from bench.process_cost import in_child, side_by_side

CHANGED_ONE_IN = 250
"""2,000 of 500,000."""


def measure_planning(skus: int, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the three nights over a catalogue of `skus` SKUs; one in `CHANGED_ONE_IN` changes for the last."""
    from bench.plain_loops import (  # here, so that no process of Packshot's side has pandas in memory
        loop_again,
        loop_first,
    )

    changed = max(1, skus // CHANGED_ONE_IN)
    say(f"{skus:,} SKUs: writing the catalogues")
    in_child(write_catalogues, folder, skus, changed)
    nights: dict[str, Any] = {"skus": skus, "slots": skus * len(VIEWS), "changed": changed, "cases": {}}

    def case(name: str, packshot: Callable[..., int], loop: Callable[..., int], *arguments: Any) -> None:
        say(f"{skus:,} SKUs: {name}")
        found, cost = in_child(packshot, folder, *arguments)
        plainly, loop_cost = in_child(loop, folder, *arguments)
        assert found == plainly, f"{name}: the plan has {found} slots to make, the plain loop {plainly}"
        nights["cases"][name] = {"to_make": found, **side_by_side(cost, loop_cost)}

    case("first night", plan_first, loop_first)
    say(f"{skus:,} SKUs: publishing every slot")
    in_child(publish_all, folder)
    case("nothing changed", plan_again, loop_again, "before.parquet")
    case(f"{changed:,} SKU{'s' * (changed > 1)} changed", plan_again, loop_again, "after.parquet")
    return nights
