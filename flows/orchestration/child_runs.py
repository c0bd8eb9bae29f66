"""Child flow runs: the parts of a large run, started, awaited, and cancelled with their parent.

Inputs: parts. Outputs: the names of those that are done. The deployment has a work pool of its own, which parents
cannot fill: a pool full of parents that wait for children would deadlock. Children that no worker starts are
cancelled, and the parent does their work itself.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled, Cancelling

from flows.parameters import PartParameters
from infra.errors import ExternalError

PART_DEPLOYMENT = "refresh/part"
POLL_SECONDS, PICKUP_TIMEOUT_SECONDS = 2.0, 60.0
"""How often child runs are polled, and how long none may be running before the waiting ones are cancelled."""


class PartFailed(ExternalError):
    """A child run ended without completing its part."""


def run_parts_by_deployment(parts: Mapping[str, PartParameters]) -> set[str]:
    """Run parts by their deployment and wait for them; return the names of those that are done.

    Returns an empty set if this run was not started by a deployment, or if no deployment for parts exists. Raises
    `PartFailed` for a child run that started and failed.
    """
    if deployment.id is None:
        return set()
    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(PART_DEPLOYMENT)
        except ObjectNotFound:
            return set()
        children = {name: _start_child(parameters) for name, parameters in parts.items()}
        return _wait_for_children(client, children)


def _start_child(parameters: PartParameters) -> UUID:
    child = run_deployment(
        PART_DEPLOYMENT,
        parameters=parameters.model_dump(mode="json"),
        flow_run_name=f"{parameters.run}-{parameters.part}",
        idempotency_key=f"{flow_run.id}-{flow_run.run_count}-{parameters.part}",
        tags=[_parent_tag(flow_run.id)],
        timeout=0,
    )
    assert isinstance(child, FlowRun)  # noqa: S101 - Prefect returns a coroutine only to an async caller
    return child.id


def _wait_for_children(client: SyncPrefectClient, children: dict[str, UUID]) -> set[str]:
    completed: set[str] = set()
    pending, idle_since = dict(children), time.monotonic()
    while pending:
        states = {name: client.read_flow_run(child).state for name, child in pending.items()}
        for name, state in states.items():
            if state is not None and state.is_final():
                del pending[name]
                idle_since = time.monotonic()
                if not state.is_completed():
                    outcome = f"The part {name} ended as {state.name}"
                    raise PartFailed(f"{outcome}; see its flow run, and retry this one: what is made stays")
                completed.add(name)
            elif state is not None and state.is_running():
                idle_since = time.monotonic()
        if pending and time.monotonic() - idle_since > PICKUP_TIMEOUT_SECONDS:
            get_run_logger().warning("No worker picked up %d parts; running them in this process", len(pending))
            unstarted = [client.read_flow_run(child) for child in pending.values()]
            _cancel(client, unstarted, "No worker started it; its parent does it")
            break
        if pending:
            time.sleep(POLL_SECONDS)
    return completed


def _cancel(client: SyncPrefectClient, children: Iterable[FlowRun], message: str | None = None) -> None:
    for child in children:
        if child.state is None or child.state.is_final():
            continue
        has_started = child.state.type in {StateType.RUNNING, StateType.CANCELLING}
        client.set_flow_run_state(
            child.id, Cancelling(message=message) if has_started else Cancelled(message=message), force=True
        )


def cancel_children(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ARG001 - as Prefect calls its hooks
    """Cancel the children of a run that was cancelled or crashed; the hook runs in another process."""
    with get_client(sync_client=True) as client:
        tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=[_parent_tag(flow_run.id)]))
        _cancel(client, client.read_flow_runs(flow_run_filter=tagged))


def _parent_tag(run_id: object) -> str:
    return f"part-of-{run_id}"
