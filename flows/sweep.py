"""Sweep flow: `store/sweep`, by a schedule or by hand.

Inputs: a store, and how many releases to keep. Outputs: what was deleted, by kind, also as a table on the flow run's
page.
"""

from dataclasses import asdict
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows.orchestration.flow_signature import parameters_from_pydantic
from flows.orchestration.prefect_artifacts import last_part, publish_table, tag_run
from flows.parameters import SweepParameters
from flows.purging import sweep_store
from infra.settings import Settings
from tasks.reporting import formatting as figures


def sweep_run_name() -> str:
    """Return a flow run's name from the store that is swept."""
    return f"sweep-{last_part(flow_run.parameters.get('store'))}"


@flow(name="store", flow_run_name=sweep_run_name, persist_result=False, validate_parameters=False)
@parameters_from_pydantic(SweepParameters)
def sweep(parameters: SweepParameters) -> dict[str, Any]:
    """Delete what no kept release, outcome or open run needs, and nothing younger than a day. Returns the deletions."""
    swept = sweep_store(parameters, Settings())
    tag_run("sweep")
    rows = [
        {"what": kind, "files": figures.format_number(count.files), "bytes": figures.format_number(count.bytes)}
        for kind, count in swept.counts.items()
    ]
    notes = " ".join(swept.notes)
    publish_table("sweep", rows, f"{'Would go' if swept.dry_run else 'Gone'} from {parameters.store}. {notes}".strip())
    return asdict(swept)
