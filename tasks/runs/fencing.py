"""Fencing: keep the former process of a taken-over run from committing.

Inputs: a run whose lease had lapsed, now held by this process. Outputs: a mark in the manifest, which is a commit
without rows. Of everything in a store only the put of a log entry is atomic with a commit. The former process may have
been suspended between its last check and its commit; after the mark that commit loses its race, is checked again, and
finds the run closed. Taking over is rare, and a mark is one small log entry.
"""

from catalogs import layout
from catalogs.runs.commit_kinds import FENCE_KIND
from catalogs.runs.job import Run, new_run_id
from catalogs.table_schemas import MANIFEST
from infra.interfaces import ObjectStore, TableStore
from infra.tables.idempotent_commit import commit_once


def fence_run(store: ObjectStore, tables: TableStore, run: Run) -> None:
    """Commit a mark, so that every commit that is already under way for `run` loses its race.

    A catalogue without a manifest gets an empty one: the run's first commit could come first otherwise.
    """
    table, token = layout.manifest_table(run.catalogue), new_run_id(store.now())
    tables.ensure(table, MANIFEST)
    metadata = {"run_id": token, "kind": FENCE_KIND, "fenced": run.run_id}
    newest = tables.version(table)
    commit_once(tables, table, token, lambda _: (None, None), on=["slot_id"], metadata=metadata, after=newest)
