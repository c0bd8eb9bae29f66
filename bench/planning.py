"""Planning benchmark: the first run, a run without changes, and a run with 2,000 changed SKUs.

Inputs: the number of SKUs, how many of them changed, a scratch folder. Outputs: a cost for each case, for Packshot and
for the plain loop that a shop's engineer would write.

The catalogue is `bench.synthetic_catalogue`'s, in Parquet, read by the built-in recipe with four views. Every slot of
the first run's plan is then put into a manifest as if it had been published (its shas are random bytes: planning does
not compare them), so the later runs meet the very ids and digests that the planner makes. The plain loop renders every
prompt, hashes it, and looks the hash up in a dict of the previous run. It finds the same SKUs, and does nothing else:
it checks no row, retires nothing, separates no finish and no model version, and writes no shard.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.planning_runs import VIEWS, plan_first_run, plan_later_run, publish_all_slots, write_catalogues
from bench.process_cost import compare_to_loop, run_in_process

CHANGED_ONE_IN = 250
"""One SKU in this many changes: 2,000 of 500,000."""


def measure_planning(skus: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure the three runs over a catalogue of `skus` SKUs; one in `CHANGED_ONE_IN` changes for the last."""
    from bench.plain_loops import (  # here, so that no measured process of Packshot has pandas in memory
        plan_first_run_plainly,
        plan_later_run_plainly,
    )

    changed = max(1, skus // CHANGED_ONE_IN)
    progress(f"{skus:,} SKUs: writing the catalogues")
    run_in_process(write_catalogues, folder, skus, changed)
    results: dict[str, Any] = {"skus": skus, "slots": skus * len(VIEWS), "changed": changed, "cases": {}}

    def case(name: str, packshot: Callable[..., int], loop: Callable[..., int], *arguments: Any) -> None:
        progress(f"{skus:,} SKUs: {name}")
        planned, cost = run_in_process(packshot, folder, *arguments)
        loop_planned, loop_cost = run_in_process(loop, folder, *arguments)
        assert planned == loop_planned, f"{name}: the plan has {planned} slots to make, the plain loop {loop_planned}"
        results["cases"][name] = {"to_make": planned, **compare_to_loop(cost, loop_cost)}

    case("first night", plan_first_run, plan_first_run_plainly)
    progress(f"{skus:,} SKUs: publishing every slot")
    run_in_process(publish_all_slots, folder)
    case("nothing changed", plan_later_run, plan_later_run_plainly, "before.parquet")
    case(f"{changed:,} SKU{'s' * (changed > 1)} changed", plan_later_run, plan_later_run_plainly, "after.parquet")
    return results
