"""Current state: what is live of a catalogue and what was refused, as a plan compares its rows with it.

Inputs: the tables and a catalogue. Outputs: the release and the outcomes, each with the version that it was read at, so
that a commit can tell whether it still builds on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from catalogs import layout
from catalogs.planning.current_state import LIVE_COLUMNS, OUTCOME_COLUMNS, CurrentRelease, OutcomeIndex
from catalogs.table_schemas import MANIFEST, OUTCOMES
from infra.interfaces import TableStore


@dataclass(frozen=True)
class CurrentState:
    """A release and outcomes; the versions are None where there is no such table."""

    version: int | None
    live: CurrentRelease
    outcomes_version: int | None
    outcomes: OutcomeIndex


def read_current_state(tables: TableStore, catalogue: str) -> CurrentState:
    """Return what is live, and the outcomes that were written until just after."""
    manifest, outcomes = layout.manifest_table(catalogue), layout.outcomes_table(catalogue)
    version = tables.version(manifest)
    # Schemas, since older tables lack some of these columns.
    shown = pa.schema([MANIFEST.field(name) for name in LIVE_COLUMNS])
    known = pa.schema([OUTCOMES.field(name) for name in OUTCOME_COLUMNS])
    live = CurrentRelease(_read_batches(tables, manifest, shown, version))
    outcomes_version = tables.version(outcomes)
    return CurrentState(
        version, live, outcomes_version, OutcomeIndex(_read_batches(tables, outcomes, known, outcomes_version))
    )


def _read_batches(tables: TableStore, table: str, columns: pa.Schema, version: int | None) -> Iterator[pa.RecordBatch]:
    """Yield the batches of one version; none where the table does not exist, which has no version."""
    if version is not None:
        yield from tables.batches(table, columns, version=version)
