"""Release a held batch: accept its failed checks by name, and publish it as it was decided, in whole or in part.

Inputs: a run's id, the accepted checks, a reason, what of it goes. Outputs: the report of the release. Who let what go,
and why, is kept in the store before anything is published, and the first word stands. Images that people refused
stay out; the part that goes is audited again. Nothing is generated or judged anew.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from catalogs.runs.held_selection import WHOLE, HeldSelection
from catalogs.runs.job import RefreshJob
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
from tasks.runs.commit_guard import CommitGuard
from tasks.runs.held_decisions import find_release
from tasks.runs.letting_go import let_go, require_releasable
from tasks.runs.resources import Resources, ScreeningContext


@dataclass(frozen=True)
class CheckAcceptance:
    """A person's decision to release a held run: the checks that may fail, why, and what of it goes.

    Without checks and reason, what was let go already is published: a console writes the word, and starts this.
    """

    run_id: str
    checks: list[str]
    reason: str
    person: str
    selection: HeldSelection = WHOLE


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
    require_releasable(store, run, acceptance.checks)
    recipe, policy = runs.load_frozen_rules(store, run.run_id)
    job = RefreshJob(run.source, store_url, run.catalogue, recipe, policy, run.scope)
    with open_resources(job, settings) as (resources, screening):
        work = Refresh(job, resources, screening, executor, settings, read_price_list(settings), current_observer())
        with (
            hold_catalogue_lease(store, run.catalogue, settings, wait=True, purpose="release") as catalogue,
            hold_run_lease(store, run, settings) as lease,
        ):
            # The run that was waited for may have superseded it: all of it is asked again.
            before = find_release(store, run)
            let_go(store, run, acceptance.checks, acceptance.reason, acceptance.person, acceptance.selection)
            if before is not None and acceptance.checks:
                work.warnings = [f"What goes was settled {before}: that stands"]
            return work.resume(run, CommitGuard(store, run, policy, lease_check(lease, catalogue)))
