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

from bench.planning_runs import VIEWS, plan_first_run, plan_later_run, publish_all_slots, write_catalogues
from bench.process_cost import compare_to_loop, run_in_process

CHANGED_ONE_IN = 250
"""2,000 of 500,000."""


def measure_planning(skus: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure the three nights over a catalogue of `skus` SKUs; one in `CHANGED_ONE_IN` changes for the last."""
    from bench.plain_loops import (  # here, so that no process of Packshot's side has pandas in memory
        plan_first_run_plainly,
        plan_later_run_plainly,
    )

    changed = max(1, skus // CHANGED_ONE_IN)
    progress(f"{skus:,} SKUs: writing the catalogues")
    run_in_process(write_catalogues, folder, skus, changed)
    nights: dict[str, Any] = {"skus": skus, "slots": skus * len(VIEWS), "changed": changed, "cases": {}}

    def case(name: str, packshot: Callable[..., int], loop: Callable[..., int], *arguments: Any) -> None:
        progress(f"{skus:,} SKUs: {name}")
        found, cost = run_in_process(packshot, folder, *arguments)
        plainly, loop_cost = run_in_process(loop, folder, *arguments)
        assert found == plainly, f"{name}: the plan has {found} slots to make, the plain loop {plainly}"
        nights["cases"][name] = {"to_make": found, **compare_to_loop(cost, loop_cost)}

    case("first night", plan_first_run, plan_first_run_plainly)
    progress(f"{skus:,} SKUs: publishing every slot")
    run_in_process(publish_all_slots, folder)
    case("nothing changed", plan_later_run, plan_later_run_plainly, "before.parquet")
    case(f"{changed:,} SKU{'s' * (changed > 1)} changed", plan_later_run, plan_later_run_plainly, "after.parquet")
    return nights
