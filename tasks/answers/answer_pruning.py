"""Answer pruning: leave out of the snapshot the answers that no image needs any more; the archive keeps them.

Inputs: a snapshot, and what kept releases, outcomes and open runs name. Outputs: the next snapshot without answers that
can have no effect. So a snapshot grows with the catalogue and not with its years: of 500 answers a night those stay
whose images do. An answer is kept while

| it is about                  | is named                                                               |
| ---------------------------- | ---------------------------------------------------------------------- |
| an image or a prompt         | its request key; where its prompt was edited also one of the edit's SKUs |
| a channel                    | one of its pixels, in a kept release                                   |
| a held batch                 | its run, among the newest commits or open ones                         |
| a readmission                | one of its SKUs                                                        |

and for a day in any case. Should a forgotten image come again, the gates decide it as on its first day.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.answers.answer import AnswerKind
from infra.interfaces import ObjectStore
from tasks.answers.answer_folding import finish_fold
from tasks.answers.answer_objects import list_answer_keys, read_answer_objects
from tasks.answers.answer_snapshots import AnswerSnapshot, claim_snapshot

REFERENCE_COLUMNS = ("request_key", "sku", "pixel_sha")
"""What answers are looked for in; a table may lack some of them."""


class AnswerReferences:
    """Which of a snapshot's requests, SKUs and pixels occur in the batches that are added. Memory: a snapshot's."""

    def __init__(self, snapshot: AnswerSnapshot) -> None:
        self.snapshot = snapshot
        self._wanted = {name: pa.array(sorted(values), kind) for name, (values, kind) in self._candidates().items()}
        self._named: dict[str, set[Any]] = {name: set() for name in self._wanted}

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Note what a batch names, in those of `REFERENCE_COLUMNS` that it has."""
        for name in REFERENCE_COLUMNS:
            if name in batch.schema.names and len(self._wanted[name]):
                column = batch.column(name)
                found = column.filter(pc.is_in(column, self._wanted[name]))
                self._named[name].update(pc.unique(found).to_pylist())

    def kept_rows(self, run_ids: Collection[str], young: datetime) -> pa.Array:
        """Tell for each row of the snapshot whether it is kept; `run_ids` are those whose releases may count."""
        rows = self.snapshot.rows.select(["kind", "when", "request_key", "sku", "prompt"]).to_pylist()
        told = list(zip(rows, self._details, strict=True))
        # With an edit stays all that was said of its request: whether it was undone, and who differs.
        edited = {row["request_key"] for row, details in told if row["prompt"] and self._has_sku(row, details)}
        kept = (
            row["when"] > young
            or (row["request_key"] is not None and row["request_key"] in edited)
            or self._is_named(row, details, run_ids)
            for row, details in told
        )
        return pa.array(kept, pa.bool_())

    def _is_named(self, row: Mapping[str, Any], details: Mapping[str, Any], run_ids: Collection[str]) -> bool:
        if row["kind"] == AnswerKind.RELEASE:
            return details["run_id"] in run_ids
        if row["kind"] == AnswerKind.CHANNEL:
            return any(bytes.fromhex(sha) in self._named["pixel_sha"] for sha in details["pixel_shas"])
        if row["kind"] == AnswerKind.READMISSION and self._has_sku(row, details):
            return True
        return row["request_key"] in self._named["request_key"]

    def _has_sku(self, row: Mapping[str, Any], details: Mapping[str, Any]) -> bool:
        return any(sku in self._named["sku"] for sku in (row["sku"], *details.get("skus", ())))

    def _candidates(self) -> dict[str, tuple[set[Any], pa.DataType]]:
        rows = self.snapshot.rows
        skus = set(pc.drop_null(rows["sku"]).to_pylist())
        skus.update(sku for details in self._details for sku in details.get("skus", ()))
        pixels = {bytes.fromhex(sha) for details in self._details for sha in details.get("pixel_shas", ())}
        requests = set(pc.drop_null(rows["request_key"]).to_pylist())
        return {
            "request_key": (requests, pa.binary()),
            "sku": (skus, pa.string()),
            "pixel_sha": (pixels, pa.binary()),
        }

    @cached_property
    def _details(self) -> list[Mapping[str, Any]]:
        return [json.loads(text) if text else {} for text in self.snapshot.rows["details"].to_pylist()]


def prune_answers(store: ObjectStore, catalogue: str, references: AnswerReferences, kept: pa.Array) -> int:
    """Claim the next snapshot, of the rows that are kept, and return how many answers went.

    Where another process has made a snapshot since, nothing is done: the next sweep looks again.
    """
    count = len(kept) - (pc.sum(kept).as_py() or 0)
    if not count:
        return 0
    # First: an answer that left the snapshot while its object is still there would be folded again.
    objects = list(read_answer_objects(store, list_answer_keys(store, catalogue)))
    finish_fold(store, catalogue, references.snapshot, objects)
    return count if claim_snapshot(store, catalogue, references.snapshot.filtered(kept)) else 0
