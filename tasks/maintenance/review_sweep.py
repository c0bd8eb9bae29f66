"""Review sweep: which review copies, index rows and claims are still needed, and the index without all others.

Inputs: a catalogue's outcomes, its index, its answers, its open runs. Outputs: the images whose copies stay, the index
merged and pruned, and the objects that may go: the caller deletes them. The cost grows with what waits and with a
month of questions, never with the number of answers or runs there ever were.

| row of the index                                   | stays                                          |
| -------------------------------------------------- | ---------------------------------------------- |
| its slot and request wait, or were refused          | as long as the outcome                         |
| a sample                                           | until it expires                               |
| of a held batch                                    | as long as its run is open                     |
| any other: answered, published, superseded         | PACKSHOT_KEEP_RUNS_DAYS after it was asked:    |
|                                                    | thresholds and people are measured against it  |

A copy stays while its image waits, is a sample, or is one of the newest `KEPT_KNOWN` on which two people agreed: these
are shown again as known items. What was refused has no copy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_index import DIGEST_BYTES
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.keys import SHORT_DIGEST_LENGTH, digest
from catalogs.reviews.review_item import ReviewKind
from catalogs.slot_states import REFUSED_BY_GATES, SlotState
from catalogs.table_schemas import REVIEW_INDEX
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table, write_table
from tasks.answers.answer_log import read_answers
from tasks.maintenance.retention import RetentionPolicy
from tasks.reviews.given_answers import GivenAnswers
from tasks.reviews.review_index import MAX_FILES, list_review_index, newest_rows

KEPT_KNOWN = 100
"""Known items whose pictures stay: a person gets five a session."""


@dataclass
class ReviewNeeds:
    """What a catalogue's review still needs."""

    retention: RetentionPolicy
    open_runs: frozenset[str]
    outcomes: DigestSet = field(default_factory=DigestSet)
    """Digests of (slot, request) of what waits or was refused."""
    images: DigestSet = field(default_factory=DigestSet)
    """The images (first 16 bytes of their keys) whose copies stay."""

    @classmethod
    def read(
        cls, tables: TableStore, catalogue: str, retention: RetentionPolicy, open_runs: frozenset[str]
    ) -> "ReviewNeeds":
        """Read what the outcomes say; samples and known items are added as the index is read."""
        needs = cls(retention, open_runs)
        table = layout.outcomes_table(catalogue)
        if tables.version(table) is not None:
            for batch in tables.batches(table, ("slot_id", "request_key", "state", "image_key")):
                asked = batch.filter(pc.is_in(batch.column("state"), pa.array(REFUSED_BY_GATES)))
                needs.outcomes.add(table_row_digests(asked, "slot_id", "request_key"))
                waiting = asked.filter(pc.equal(asked.column("state"), SlotState.REVIEW))
                needs.images.add(_image_prefixes(waiting))
        return needs

    def select_needed(self, rows: pa.Table) -> pa.Array:
        """Tell for each row of the index whether it stays."""
        is_due = pa.array(self.outcomes.contains(table_row_digests(rows, "slot_id", "request_key")))
        is_sample = pc.and_(
            pc.equal(rows["why"], ReviewKind.SAMPLE), pc.greater(rows["expires_at"], pa.scalar(self.retention.now))
        )
        is_open = pc.is_in(rows["run_id"], pa.array(sorted(self.open_runs), pa.string()))
        is_held = pc.and_(pc.equal(rows["why"], ReviewKind.HELD), is_open)
        is_recent = pc.greater(rows["asked_at"], pa.scalar(self.retention.runs_cutoff))
        kept = pc.or_(pc.or_(is_due, is_recent), pc.or_(is_sample, is_held))
        return pc.fill_null(kept, True)  # of another version: what it cannot tell stays

    def add_samples(self, rows: pa.Table) -> None:
        """Keep the copies of samples that have not expired."""
        current = rows.filter(pc.greater(rows["expires_at"], pa.scalar(self.retention.now)))
        self.images.add(_image_prefixes(current.filter(pc.equal(current["why"], ReviewKind.SAMPLE))))

    def add_known(self, store: ObjectStore, catalogue: str, request_keys: pa.Array) -> None:
        """Keep the copies of the newest known items among these requests."""
        if len(request_keys):
            agreed = GivenAnswers(read_answers(store, catalogue, request_keys=request_keys)).agreed()
            images = [key[0][:DIGEST_BYTES] for key, _ in agreed if key[1]]
            self.images.add(b"".join(images[:KEPT_KNOWN]))


def sweep_review_index(store: ObjectStore, catalogue: str, needs: ReviewNeeds, dry_run: bool) -> list[ObjectInfo]:
    """Write the needed rows of old index files into one, where that is worth it; return the files that may go.

    A file that is younger than a day is read and left: its run may still be at work. The new file is written before
    the old ones are deleted, so a kill in between leaves rows twice.
    """
    files = list_review_index(store, catalogue)
    old = [info for info in files if info.modified < needs.retention.young]
    total, kept, request_keys = 0, 0, []
    for info, rows in _read_files(store, files):
        needs.add_samples(rows)
        request_keys.append(rows["request_key"].unique())
        if info in old:
            total += rows.num_rows
            kept += pc.sum(needs.select_needed(rows).cast(pa.int64())).as_py() or 0
    chunked = pa.chunked_array(request_keys, pa.binary())
    needs.add_known(store, catalogue, chunked.unique().drop_null())
    if total and kept and len(old) <= MAX_FILES and 2 * kept > total:
        return []
    if kept and not dry_run:
        _write_needed(store, catalogue, old, needs)
    return old


def find_old_claims(store: ObjectStore, catalogue: str, retention: RetentionPolicy) -> Iterator[ObjectInfo]:
    """Yield the claims of people who went away long ago."""
    claims = store.list(layout.review_claims_prefix(catalogue))
    return (info for info in claims if info.modified < retention.young)


def _write_needed(store: ObjectStore, catalogue: str, files: Sequence[ObjectInfo], needs: ReviewNeeds) -> None:
    name = "compacted-" + digest(sorted(info.key for info in files))[:SHORT_DIGEST_LENGTH]
    needed = [rows.filter(needs.select_needed(rows)) for _, rows in _read_files(store, files)]
    write_table(store, layout.review_index(catalogue, name), newest_rows(pa.concat_tables(needed)))


def _read_files(store: ObjectStore, files: Sequence[ObjectInfo]) -> Iterator[tuple[ObjectInfo, pa.Table]]:
    """Yield each file with its rows, but for those that a run folded meanwhile."""
    for info, data in zip(files, concurrent_map(store, lambda info: store.find(info.key), files), strict=True):
        if data is not None:
            yield info, parse_table(info.key, data, REVIEW_INDEX)


def _image_prefixes(rows: pa.Table | pa.RecordBatch) -> bytes:
    return b"".join(key[:DIGEST_BYTES] for key in rows["image_key"].drop_null().to_pylist() if key)
