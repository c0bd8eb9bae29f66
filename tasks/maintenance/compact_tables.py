"""Table compaction: keep the number of a catalogue's table files small, by whichever run or sweep finds too many.

Inputs: the tables of a catalogue. Outputs: the tables that were compacted. A run calls it after its own commits: then
its cost is the run's, it happens while there are few files, and no job of its own must be scheduled. It changes no row,
so a failure is left to the next caller, and a run in mid-commit only repeats its commit.
"""

from catalogs import layout
from catalogs.runs.commit_kinds import COMPACTION_KIND
from infra.errors import StoreError, TableError
from infra.interfaces import TableStore


def compact_tables(tables: TableStore, catalogue: str) -> list[str]:
    """Compact the manifest and the outcomes where they consist of many small files; return the names of those."""
    compacted = []
    for table in (layout.manifest_table(catalogue), layout.outcomes_table(catalogue)):
        try:
            if tables.compact(table, metadata={"kind": COMPACTION_KIND}):
                compacted.append(table)
        except (TableError, StoreError):
            continue
    return compacted
