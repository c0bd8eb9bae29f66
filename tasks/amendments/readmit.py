"""Readmit: let images be published again that a rollback took away or a person refused; forget faults of our own.

Inputs: SKUs, the person and the reason. Outputs: a `ManifestChange` without a release: the outcomes that keep the
images away are deleted, and the next refresh decides those slots as if they were new. Who said so, when and why is kept
with the decisions of people. No lease is taken: runs and readmissions meet in the outcomes table, each in one commit.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import READMISSION_KIND
from infra.interfaces import ObjectStore, TableStore
from tasks.amendments.manifest_change import (
    ManifestChange,
    begin_change,
    complete_change,
    new_change_run,
    recover_all_changes,
)
from tasks.answers.answer_log import write_answer


def readmit(
    store: ObjectStore, tables: TableStore, catalogue: str, skus: Sequence[str], reason: str, person: str
) -> ManifestChange:
    """Delete what keeps these SKUs' images away: a rollback, a person's refusal or a fault of ours.

    Given again, it finds nothing left.

    Raises `OptionError`, and writes nothing, where no reason is given or a SKU is unknown to the store.
    """
    if not reason.strip():
        raise OptionError("--reason is empty: say why these images may come back; the answer is kept")
    _require_known(tables, catalogue, skus)
    recover_all_changes(store, tables, catalogue, holds_lease=False)  # a rollback is not done before its outcomes are
    run = new_change_run(catalogue, store.now())
    named = {"skus": sorted(set(skus))}
    write_answer(store, catalogue, Answer(AnswerKind.READMISSION, person, run.started_at, reason, details=named))
    intent = begin_change(store, tables, run, READMISSION_KIND, named)
    return complete_change(store, tables, intent)


def _require_known(tables: TableStore, catalogue: str, skus: Sequence[str]) -> None:
    wanted, known = pa.array(sorted(set(skus)), pa.string()), set[str]()
    for table in (layout.manifest_table(catalogue), layout.outcomes_table(catalogue)):
        if tables.version(table) is not None:
            for batch in tables.batches(table, ("sku",)):
                known.update(batch.filter(pc.is_in(batch.column("sku"), wanted)).column("sku").to_pylist())
    unknown = sorted(set(skus) - known)
    if unknown:
        raise OptionError(f"The catalogue {catalogue!r} has no image and no outcome of the SKU {unknown[0]!r}")
