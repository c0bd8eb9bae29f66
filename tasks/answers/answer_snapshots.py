"""Answer snapshots: the folded answers that may still have an effect, as one numbered Parquet object.

Inputs: a store, a catalogue. Outputs: the newest snapshot; the next one, claimed by its number. Each row says which
snapshot was the first to hold it, so that a killed fold is known by its rows. Invariant: a snapshot is made from the
one before it, so of two processes that make the next one at once only one succeeds, and nothing of either is lost.
"""

from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.table_schemas import ANSWERS
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.parquet_objects import parse_table
from infra.stores.sequence import ObjectSequence

FOLDED_IN = "folded_in"
SNAPSHOT_SCHEMA = ANSWERS.append(pa.field(FOLDED_IN, pa.int64()))
SNAPSHOTS_KEPT = 2
"""The newest, and the one that a reader may have just found."""


@dataclass(frozen=True)
class AnswerSnapshot:
    """A snapshot: its number, and its rows of ANSWERS with the number of the snapshot that first held each."""

    number: int
    rows: pa.Table

    @property
    def tokens(self) -> set[str]:
        """Return the tokens of all its answers."""
        return set(self.rows["token"].to_pylist())

    @property
    def fresh_rows(self) -> pa.Table:
        """Return the rows of ANSWERS that no snapshot before held."""
        return self.rows.filter(pc.equal(self.rows[FOLDED_IN], self.number)).select(ANSWERS.names)

    def with_added(self, answers: pa.Table) -> "AnswerSnapshot":
        """Return the next snapshot, with more answers."""
        numbers = pa.array([self.number + 1] * answers.num_rows, pa.int64())
        added = answers.append_column(SNAPSHOT_SCHEMA.field(FOLDED_IN), numbers)
        return AnswerSnapshot(self.number + 1, pa.concat_tables([self.rows, added]))

    def filtered(self, kept: pa.Array) -> "AnswerSnapshot":
        """Return the next snapshot, with the rows for which `kept` is true."""
        return AnswerSnapshot(self.number + 1, self.rows.filter(kept))


def read_answer_snapshot(store: ObjectStore, catalogue: str) -> AnswerSnapshot:
    """Return the newest snapshot; number 0, without rows, where nothing was folded yet."""
    snapshots = snapshots_of(store, catalogue)
    while number := snapshots.latest():
        try:
            data = snapshots.read(number)
        except ObjectMissing:
            continue  # newer ones replaced it between the listing and the read
        return AnswerSnapshot(number, parse_table(layout.answer_snapshot(catalogue, number), data, SNAPSHOT_SCHEMA))
    return AnswerSnapshot(0, SNAPSHOT_SCHEMA.empty_table())


def claim_snapshot(store: ObjectStore, catalogue: str, snapshot: AnswerSnapshot) -> bool:
    """Write a snapshot under its number; False where another process has made one of that number, or a later one.

    A process that stood still may find its number free again, since old snapshots are dropped: it is late all the same.
    """
    output = BytesIO()
    pq.write_table(snapshot.rows, output, compression="zstd", write_statistics=False)
    snapshots = snapshots_of(store, catalogue)
    return snapshots.claim(snapshot.number, output.getvalue()) and snapshots.latest() == snapshot.number


def drop_old_snapshots(store: ObjectStore, catalogue: str) -> None:
    """Delete all but the newest snapshots."""
    snapshots = snapshots_of(store, catalogue)
    snapshots.keep_newest(snapshots.numbers(), SNAPSHOTS_KEPT)


def snapshots_of(store: ObjectStore, catalogue: str) -> ObjectSequence:
    """Return the numbered snapshots of a catalogue's answers."""
    prefix = layout.answer_snapshots_prefix(catalogue)
    return ObjectSequence(store, prefix, lambda number: layout.answer_snapshot(catalogue, number))
