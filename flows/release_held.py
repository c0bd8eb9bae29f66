"""Release a held batch: accept its failed checks by name, and publish the batch as it was decided.

Inputs: a run's id, the accepted checks, a reason. Outputs: the report of the release. Who accepted what, and why, is
kept in the store before anything is published. Nothing is generated or judged anew.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from catalogs.errors import OptionError
from catalogs.runs.job import RefreshJob, Run
from flows.refresh import Refresh
from flows.run.executors import Executor
from flows.run.leases import hold_catalogue_lease, hold_run_lease, lease_check
from flows.run.observers import current_observer
from flows.wiring.composition import open_resources
from flows.wiring.pricing import read_price_list
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from tasks.runs import run_state as runs
from tasks.runs.commit_guard import CommitGuard, require_policy_in_force
from tasks.runs.resources import Resources, ScreeningContext


@dataclass(frozen=True)
class CheckAcceptance:
    """A person's decision to release a held run: the checks that may fail, and why."""

    run_id: str
    checks: list[str]
    reason: str
    person: str


def release_held(
    store_url: str,
    acceptance: CheckAcceptance,
    settings: Settings,
    executor: Executor,
    *,
    open_store: Callable[[str], ObjectStore] = open_store,
    open_resources: Callable[..., AbstractContextManager[tuple[Resources, ScreeningContext]]] = open_resources,
) -> dict[str, Any]:
    """Publish a held run's batch, and return the report.

    Raises `OptionError` where the run is not held, a check does not hold it, one that holds it is not accepted, or
    another policy came into force since the batch was decided (`PolicyChanged`): a refresh decides it anew.
    """
    store = open_store(store_url)
    run = runs.load_run(store, acceptance.run_id)
    _require_held(store, run, acceptance.checks)
    if not acceptance.reason.strip():
        raise OptionError("--reason: say why the batch may go; the answer is kept with the run")
    recipe, policy = runs.load_frozen_rules(store, run.run_id)
    require_policy_in_force(store, run, policy)
    job = RefreshJob(run.source, store_url, run.catalogue, recipe, policy, run.scope)
    with open_resources(job, settings) as (resources, screening):
        work = Refresh(job, resources, screening, executor, settings, read_price_list(settings), current_observer())
        with (
            hold_catalogue_lease(store, run.catalogue, settings, wait=True, purpose="release") as catalogue,
            hold_run_lease(store, run, settings) as lease,
        ):
            _require_held(store, run, acceptance.checks)  # the run that was waited for may have superseded it
            require_policy_in_force(store, run, policy)
            runs.accept_checks(store, run, acceptance.checks, acceptance.reason, acceptance.person)
            return work.resume(run, CommitGuard(store, run, policy, lease_check(lease, catalogue)))


def _require_held(store: ObjectStore, run: Run, accepted_checks: list[str]) -> None:
    held = runs.held_checks(store, run)
    if not held or not runs.is_run_open(store, run):
        raise OptionError(f"The run {run.run_id} is not held; there is nothing to release")
    unknown, missing = sorted(set(accepted_checks) - set(held)), sorted(set(held) - set(accepted_checks))
    if unknown:
        raise OptionError(f"--accept: {unknown[0]!r} does not hold the run {run.run_id}; these do: {', '.join(held)}")
    if missing:
        raise OptionError(f"The run {run.run_id} is also held by {', '.join(missing)}; accept each check by its name")
