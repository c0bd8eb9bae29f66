"""Rollbacks: take back what was published, as a person asks for it from a command or a form.

Inputs: a store, a catalogue, a `RollbackSelection`. Outputs: the `ManifestChange`, or what it would be. What to go
back to is chosen before the catalogue's turn is waited for: a person asks in view of the release that is current then,
so what a run publishes meanwhile is new since, and is named.
"""

from collections.abc import Sequence

from catalogs.runs.rollback_selection import RollbackSelection
from flows.run.leases import ReportWait, hold_catalogue_lease, log_wait
from flows.wiring.open_store import prepare_for_writing
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.amendments.manifest_change import ManifestChange
from tasks.amendments.readmit import readmit
from tasks.amendments.rollback import perform_rollback, preview_rollback
from tasks.amendments.rollback_plan import plan_rollback


def roll_back(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    selection: RollbackSelection,
    settings: Settings,
    *,
    dry_run: bool = False,
    report_wait: ReportWait = log_wait,
) -> ManifestChange:
    """Roll back in one commit and return what was done; a dry run returns what would be, and writes nothing.

    Raises `OptionError` for what cannot be gone back to, and `StoreError` for a store without conditional writes.
    """
    if dry_run:
        return preview_rollback(store, tables, catalogue, plan_rollback(store, tables, catalogue, selection))
    prepare_for_writing(store, tables, settings)
    plan = plan_rollback(store, tables, catalogue, selection)
    with hold_catalogue_lease(store, catalogue, settings, wait=True, purpose="rollback", report_wait=report_wait):
        return perform_rollback(store, tables, catalogue, plan)


def let_back(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    skus: Sequence[str],
    settings: Settings,
    *,
    reason: str,
    person: str,
) -> ManifestChange:
    """Let images of these SKUs be published again that rollbacks took away; returns how many outcomes that ends."""
    prepare_for_writing(store, tables, settings)
    return readmit(store, tables, catalogue, skus, reason, person)
