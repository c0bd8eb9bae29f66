"""Let a held batch go: a person names the checks that may fail and why, and the batch is published as it was decided.

Comes in: a run's id, the checks, a reason. Goes out: the report of the release. The person's word is kept in the store.
"""

from typing import Any

from catalogs.errors import OptionError
from catalogs.runs.job import RefreshJob, Run
from flows.refresh import Refresh
from flows.run.executors import Executor
from flows.run.leases import hold_catalogue_lease, hold_run_lease
from flows.run.observers import current_observer
from flows.wiring.composition import open_resources, read_price_list
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from tasks.runs import run_state as runs


def release_held(
    store_url: str,
    run_id: str,
    accepted_checks: list[str],
    reason: str,
    person: str,
    settings: Settings,
    executor: Executor,
) -> dict[str, Any]:
    """Publish a held run's batch.

    Raises `OptionError` where the run is not held, a check does not hold it, or one that holds it is not accepted.
    """
    store = open_store(store_url)
    run = runs.load_run(store, run_id)
    _require_held(store, run, accepted_checks)
    if not reason.strip():
        raise OptionError("--reason: say why the batch may go; the answer is kept with the run")
    recipe, policy = runs.load_frozen_rules(store, run_id)
    job = RefreshJob(run.source, store_url, run.catalogue, recipe, policy, run.scope)
    with open_resources(job, settings) as (places, gate):
        work = Refresh(job, places, gate, executor, settings, read_price_list(settings), current_observer())
        with (
            hold_catalogue_lease(store, run.catalogue, settings, wait=True),
            hold_run_lease(store, run, settings) as lease,
        ):
            _require_held(store, run, accepted_checks)  # the night that was waited for may have taken its place
            runs.accept_checks(store, run, accepted_checks, reason, person)
            return work.resume(run, lease.check)


def _require_held(store: ObjectStore, run: Run, accepted_checks: list[str]) -> None:
    held = runs.held_checks(store, run)
    if not held or not runs.is_run_open(store, run):
        raise OptionError(f"The run {run.run_id} is not held; there is nothing to release")
    unknown, missing = sorted(set(accepted_checks) - set(held)), sorted(set(held) - set(accepted_checks))
    if unknown:
        raise OptionError(f"--accept: {unknown[0]!r} does not hold the run {run.run_id}; these do: {', '.join(held)}")
    if missing:
        raise OptionError(f"The run {run.run_id} is also held by {', '.join(missing)}; accept each check by its name")
