"""Release batch: compare a decided batch with the live manifest, and compute the rows of its commit.

Inputs: a `ReleaseBatch`, the published files, the live rows of one manifest version. Outputs: the changes for one
commit, and the totals of promise 1 (new + changed = the sum of the final states). Pure: the same batch against the same
version always gives the same commit.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.photos.kept_request import parse_kept_result
from catalogs.planning.plan import WAITING
from catalogs.policy.channels import ChannelEligibility
from catalogs.runs.renamed_slots import rename_changes
from catalogs.runs.replaced_slots import replacement_changes
from catalogs.slot_states import SlotState
from catalogs.table_rows import (
    ChannelColumns,
    DecisionRow,
    ManifestChangeRow,
    ManifestRow,
    PublishedDecisionRow,
    WithdrawalKeyRow,
)
from catalogs.table_schemas import ENDED_SLOTS, MANIFEST, RENAMED_SLOTS, REPLACED_SLOTS

ROWS_AT_ONCE = 20_000
"""Rows that are held as Python objects at a time."""
MANIFEST_CHANGE_SCHEMA = MANIFEST.append(pa.field("_op", pa.string()))

WithdrawalKey = tuple[bytes, bytes, str]
"""Slot id, request key and finish digest: what a withdrawal binds."""
NO_WITHDRAWALS: frozenset[WithdrawalKey] = frozenset()


class BatchTotalsMismatch(Exception):
    """The batch does not add up: a defect of Packshot. Nothing was committed."""


@dataclass(frozen=True)
class ReleaseBatch:
    """A batch before its commit: decisions, source digests to refresh, slots to retire, slots whose outcomes end."""

    catalogue: str
    run_id: str
    decisions: pa.Table
    refreshed: pa.Table
    retired: pa.Table
    renamed: pa.Table = field(default_factory=RENAMED_SLOTS.empty_table)
    base_version: int | None = None
    """The manifest's version that the batch was planned against; its commit can only be later. None: any."""
    outcomes_version: int | None = None
    """The outcomes' version that it was planned against."""
    replaced: pa.Table = field(default_factory=REPLACED_SLOTS.empty_table)
    ended: pa.Table = field(default_factory=ENDED_SLOTS.empty_table)

    @property
    def is_empty(self) -> bool:
        """Tell whether the run found nothing to do."""
        return not any(part.num_rows for part in (self.decisions, self.refreshed, self.retired, self.renamed))

    def decisions_in_state(self, state: SlotState) -> Iterator[list[DecisionRow]]:
        """Yield the decisions in one state, some thousands at a time."""
        chosen = self.decisions.filter(pc.equal(self.decisions["state"], state))
        for part in chosen.to_batches(max_chunksize=ROWS_AT_ONCE):
            yield part.to_pylist()

    def published_decisions(self) -> Iterator[list[PublishedDecisionRow]]:
        """Yield the decisions whose image is to be published, some thousands at a time."""
        chosen = self.decisions.filter(pc.equal(self.decisions["state"], SlotState.PUBLISH))
        for part in chosen.to_batches(max_chunksize=ROWS_AT_ONCE):
            yield part.to_pylist()

    @property
    def slot_ids(self) -> pa.Array:
        """Return the ids of all slots of the batch."""
        parts = (self.decisions, self.refreshed, self.retired, self.renamed, self.replaced)
        slot_ids = [part["slot_id"].combine_chunks() for part in parts]
        live_slot_ids = [part["live_slot_id"].combine_chunks() for part in (self.renamed, self.replaced)]
        return pa.concat_arrays([*slot_ids, *live_slot_ids])


@dataclass(frozen=True)
class PublishedFile:
    """A published object: its key, the sha256 and the number of its bytes, and whether it carries a signature."""

    key: str
    sha: bytes
    size: int = 0
    signed: bool = False


@dataclass
class BatchTotals:
    """The counts of a batch at one manifest version. `new` and `changed` include waiting slots that now pass."""

    new: int = 0
    changed: int = 0
    states: Counter[str] = field(default_factory=Counter)
    retired: int = 0
    replaced: int = 0
    refreshed: int = 0
    superseded: frozenset[bytes] = frozenset()


def withdrawal_key(row: WithdrawalKeyRow) -> WithdrawalKey:
    """Return the key under which this row's image would be withdrawn."""
    return row["slot_id"], row["request_key"], row["finish_digest"]


def change_kind(row: DecisionRow) -> str | None:
    """Return whether a decided slot counts as new or changed; None for one that still waits."""
    if row["kind"] != WAITING:
        return str(row["kind"])
    if row["state"] != SlotState.PUBLISH:
        return None
    return "new" if row["live_file_sha"] is None else "changed"


def compute_totals(
    batch: ReleaseBatch, live: Mapping[bytes, ManifestRow], withdrawn: Set[WithdrawalKey] = NO_WITHDRAWALS
) -> BatchTotals:
    """Count the batch against the live rows of one version, and what had been withdrawn by then.

    A slot is superseded, whatever was decided, if its live image is not the one that it was planned against, or if its
    image was withdrawn after the plan was made; plans skip images that are withdrawn already.

    Raises `BatchTotalsMismatch` if promise 1 does not hold.
    """
    sums = BatchTotals()
    names = ["slot_id", "kind", "state", "live_file_sha", "request_key", "finish_digest"]
    rows: list[DecisionRow] = batch.decisions.select(names).to_pylist()  # only these columns
    moved = {
        row["slot_id"]
        for row in rows
        if _live_file_sha(live, row["slot_id"]) != row["live_file_sha"] or withdrawal_key(row) in withdrawn
    }
    for row in rows:
        kind = change_kind(row)
        if kind is not None:
            sums.new += kind == "new"
            sums.changed += kind == "changed"
            state = SlotState.SUPERSEDED if row["slot_id"] in moved else SlotState(row["state"])
            sums.states[state.report_name] += 1
    sums.superseded = frozenset(moved)
    sums.refreshed = sum(1 for _ in refreshed_rows(batch, live))
    sums.retired = sum(1 for _ in _retired(batch, live))
    sums.replaced = sum(1 for _ in _replaced(batch, live, sums))
    if sums.new + sums.changed != sum(sums.states.values()):
        raise BatchTotalsMismatch(f"{sums.new} new and {sums.changed} changed slots, but {dict(sums.states)}")
    return sums


def manifest_changes(
    batch: ReleaseBatch,
    files: Mapping[bytes, PublishedFile],
    live: Mapping[bytes, ManifestRow],
    totals: BatchTotals,
    now: datetime,
    channels: Mapping[bytes, ChannelEligibility] = MappingProxyType({}),
) -> pa.Table:
    """Return the rows of the one commit that makes the batch visible.

    `channels` maps slots to the channels on which their image may be used now; other slots keep what their row says.
    """
    parts = [
        [
            _manifest_row(row, batch, files[row["slot_id"]], now, channels)
            for row in rows
            if row["slot_id"] not in totals.superseded
        ]
        for rows in batch.published_decisions()
    ]
    refreshed: list[ManifestChangeRow] = [
        {**row, **_eligibility_columns(row["slot_id"], row, channels)} for row in refreshed_rows(batch, live)
    ]
    written = {row["slot_id"] for part in [*parts, refreshed] for row in part} if batch.renamed.num_rows else set()
    dropped = [*_retired(batch, live), *_replaced(batch, live, totals)]
    parts.append([*refreshed, *dropped, *rename_changes(batch.renamed, live, written)])
    return pa.concat_tables([pa.Table.from_pylist(part, schema=MANIFEST_CHANGE_SCHEMA) for part in parts])


def refreshed_rows(batch: ReleaseBatch, live: Mapping[bytes, ManifestRow]) -> Iterator[ManifestChangeRow]:
    """Yield the live rows whose image stays and whose source has changed, with the new source digest."""
    for row in batch.refreshed.filter(pc.equal(batch.refreshed["table"], "manifest")).to_pylist():
        # Another run may have published another image there since: that image is not of this source.
        if row["slot_id"] in live and live[row["slot_id"]]["request_key"] == row["request_key"]:
            yield {**live[row["slot_id"]], "source_digest": row["source_digest"], "_op": "put"}


def _retired(batch: ReleaseBatch, live: Mapping[bytes, ManifestRow]) -> Iterator[ManifestChangeRow]:
    for row in batch.retired.to_pylist():
        if row["slot_id"] in live and _live_file_sha(live, row["slot_id"]) == row["live_file_sha"]:
            yield {**live[row["slot_id"]], "_op": "drop"}


def _replaced(
    batch: ReleaseBatch, live: Mapping[bytes, ManifestRow], totals: BatchTotals
) -> Iterator[ManifestChangeRow]:
    if batch.replaced.num_rows:
        chosen = pc.equal(batch.decisions["state"], SlotState.PUBLISH)
        published = set(batch.decisions["slot_id"].filter(chosen).to_pylist()) - totals.superseded
        yield from replacement_changes(batch.replaced, live, published)


def _eligibility_columns(
    slot_id: bytes, row: ChannelColumns, channels: Mapping[bytes, ChannelEligibility]
) -> ChannelColumns:
    """Return the columns of a slot's eligibility by now; those of its row where nothing has changed."""
    eligibility = channels.get(slot_id)
    if eligibility is not None:
        return eligibility.row_columns
    return {"channels": row["channels"], "channel_reasons": row["channel_reasons"]}


def _live_file_sha(live: Mapping[bytes, ManifestRow], slot_id: bytes) -> bytes | None:
    return live[slot_id]["file_sha"] if slot_id in live else None


class _KeptColumns(TypedDict):
    mode: str | None
    photo_sha: bytes | None
    stage: bytes | None
    kept: str | None


def _kept_columns(text: str | None) -> _KeptColumns:
    """Return the columns of what was kept in an image, by the `KeptResult` of its decision."""
    if not text:
        return {"mode": None, "photo_sha": None, "stage": None, "kept": None}
    kept = parse_kept_result(text)
    photo, stage = bytes.fromhex(kept.photo), bytes.fromhex(kept.stage) or None
    return {"mode": kept.mode, "photo_sha": photo, "stage": stage, "kept": text}


def _manifest_row(
    row: PublishedDecisionRow,
    batch: ReleaseBatch,
    file: PublishedFile,
    now: datetime,
    channels: Mapping[bytes, ChannelEligibility],
) -> ManifestChangeRow:
    """Return the row that publishes a decision."""
    return {
        "slot_id": row["slot_id"],
        "sku": row["sku"],
        "view": row["view"],
        "variant": row["variant"],
        "index": row["index"],
        "object": file.key,
        "file_sha": file.sha,
        "pixel_sha": row["finished_sha"],
        "width": row["width"],
        "height": row["height"],
        **_eligibility_columns(row["slot_id"], row, channels),
        "request_key": row["request_key"],
        "attempt": row["attempt"],
        "source_digest": row["source_digest"],
        "finish_digest": row["finish_digest"],
        "model": row["model"],
        "model_version": row["model_version"],
        "precision": row["precision"],
        "backend": row["backend"],
        "run_id": batch.run_id,
        "released_at": now,
        **_kept_columns(row["kept"]),
        "_op": "put",
    }
