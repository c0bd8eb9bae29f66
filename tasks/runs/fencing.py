"""Fencing: keep the former process of a taken-over run from committing.

Inputs: a run whose lease had lapsed, now held by this process. Outputs: a mark in the manifest and one in the outcomes,
which are commits without rows. Of everything in a store only the put of a log entry is atomic with a commit. The former
process may have been suspended between its last check and its commit; after the mark that commit loses its race, is
checked again, and finds the run closed. Taking over is rare, and a mark is one small log entry.
"""

from catalogs import layout
from catalogs.runs.commit_kinds import FENCE_KIND
from catalogs.runs.job import Run, new_run_id
from catalogs.table_schemas import MANIFEST, OUTCOME_KEY, OUTCOMES
from infra.interfaces import ObjectStore, TableStore
from infra.tables.idempotent_commit import commit_once


def fence_run(store: ObjectStore, tables: TableStore, run: Run) -> None:
    """Commit marks, so that every commit that is already under way for `run` loses its race.

    A table that does not exist is created first: the run's first commit could come before the mark otherwise.
    """
    token = new_run_id(store.now())
    metadata = {"run_id": token, "kind": FENCE_KIND, "fenced": run.run_id}
    manifest, outcomes = layout.manifest_table(run.catalogue), layout.outcomes_table(run.catalogue)
    for table, schema, key in ((manifest, MANIFEST, ["slot_id"]), (outcomes, OUTCOMES, OUTCOME_KEY)):
        tables.ensure(table, schema)
        after = tables.version(table)
        commit_once(tables, table, token, lambda _: (None, None), on=key, metadata=metadata, after=after)
