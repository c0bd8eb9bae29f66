"""Purging: have a CDN forget what a rollback, a policy change or a sweep took out of sight, and sweep a store.

Inputs: a store, the settings. Outputs: warnings about what could not be purged, which is sent again the next time; the
deletions of a sweep. Without PACKSHOT_PURGE_COMMAND and PACKSHOT_PURGE_WEBHOOK nothing is recorded or sent.
"""

from datetime import timedelta

from catalogs.errors import SettingsError
from flows.parameters import SweepParameters
from flows.wiring.open_store import open_for_reading
from infra.cdn_purge import Purger, open_purger
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.maintenance.batch_deletion import SweepResult
from tasks.maintenance.purges import record_amendment_purges, record_purge, send_purges
from tasks.maintenance.retention import RetentionRules
from tasks.maintenance.sweep import sweep
from tasks.maintenance.upgrade import upgrade
from tasks.runs.release_history import list_catalogues


def purge_amendments(store: ObjectStore, tables: TableStore, catalogue: str, settings: Settings) -> list[str]:
    """Purge what rollbacks and applied policies of a catalogue took back, and what is pending; return warnings."""
    purger = _open_purger(settings)
    if purger is None:
        return []
    record_amendment_purges(store, tables, catalogue, store.now() - timedelta(days=settings.keep_runs_days))
    return send_purges(store, purger)


def sweep_store(parameters: SweepParameters, settings: Settings) -> SweepResult:
    """Sweep a store by the settings, and purge what went; a purge that failed is among the notes."""
    purger = _open_purger(settings)
    store, tables = open_for_reading(parameters.store)
    if not parameters.dry_run:
        upgrade(store, tables)
    rules = RetentionRules.from_settings(settings, parameters.keep_releases)

    def before_deleting(catalogue: str, keys: list[str]) -> None:
        if purger is not None:
            record_purge(store, catalogue, keys, "sweep")

    swept = sweep(store, tables, rules, dry_run=parameters.dry_run, before_deleting=before_deleting)
    if purger is not None and not parameters.dry_run:
        for catalogue in list_catalogues(store):
            swept.notes += purge_amendments(store, tables, catalogue, settings)
    return swept


def _open_purger(settings: Settings) -> Purger | None:
    """Return the settings' purger. Raises `SettingsError`, before anything is deleted, for one that cannot be used."""
    try:
        return open_purger(settings)
    except ValueError as error:
        raise SettingsError(str(error)) from None
