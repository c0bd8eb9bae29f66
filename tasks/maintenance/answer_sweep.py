"""The sweep of a catalogue's answers: fold the new ones, merge the archive, forget what no image needs.

Inputs: a store, a catalogue; what the sweep reads of its releases anyway. Outputs: a smaller snapshot, fewer objects.
Nothing that a person said is lost: every answer stays in the archive. What a sweep costs follows the catalogue and the
answers of the newest month, and not all that were ever given.
"""

from collections.abc import Collection
from datetime import datetime

import pyarrow as pa

from catalogs import layout
from catalogs.table_schemas import SLOTS
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_table
from tasks.answers.answer_archive import merge_archive
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_pruning import AnswerReferences, prune_answers
from tasks.answers.answer_snapshots import read_answer_snapshot

SWEEP_FOLDS_ABOVE = 20
"""Single answers that a sweep leaves as they are."""
_PLANNED = pa.schema([SLOTS.field(name) for name in ("request_key", "sku")])


def begin_answer_sweep(store: ObjectStore, catalogue: str) -> AnswerReferences | None:
    """Fold and merge; return what to look for in the releases, or None where nothing was folded yet."""
    fold_answers(store, catalogue, above=SWEEP_FOLDS_ABOVE)
    merge_archive(store, catalogue)
    snapshot = read_answer_snapshot(store, catalogue)
    return AnswerReferences(snapshot) if snapshot.rows.num_rows else None


def finish_answer_sweep(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    references: AnswerReferences,
    open_runs: Collection[str],
    committed_runs: Collection[str],
    young: datetime,
) -> int:
    """Look through outcomes and open runs too, and forget the answers that nothing names; return how many."""
    table = layout.outcomes_table(catalogue)
    if tables.version(table) is not None:
        for batch in tables.batches(table, ("request_key", "sku")):
            references.add(batch)
    for run_id in open_runs:
        references.add(read_table(store, layout.RunFiles(run_id).slots, _PLANNED))
    kept = references.kept_rows({*open_runs, *committed_runs}, young)
    return prune_answers(store, catalogue, references, kept)
