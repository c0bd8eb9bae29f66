"""Shown changes: which commits of a manifest changed what the shop sees, newest first.

Inputs: a manifest's commits. Outputs: for each of them the rows that it removed and added, without those that show the
same image in the same slot (an approval, a refreshed digest). They are read from the table's change feed, several at a
time and only as far as they are asked for: the cost follows the commits walked, not the size of the manifest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_index import DIGEST_BYTES
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.runs.commit_kinds import APPROVAL_KIND
from catalogs.runs.manifest_diff import COMPARED_COLUMNS
from catalogs.table_schemas import MANIFEST
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map

_REMOVED = ("delete", "update_preimage")  # no Arrow arrays: making one imports pandas, a third of a second
_ADDED = ("insert", "update_postimage")
_MAX_READ_AHEAD = 16


@dataclass(frozen=True)
class ShownCounts:
    """How many slots of one commit are new, show another image, or show none any more."""

    new: int
    changed: int
    gone: int


@dataclass(frozen=True)
class ShownChange:
    """What one commit changed of what the shop sees: MANIFEST rows that it took away, and that it put."""

    commit: Commit
    removed: pa.Table
    added: pa.Table

    @property
    def counts(self) -> "ShownCounts":
        """Return how many slots show something else since, by what they showed before."""
        before, after = (set(rows["slot_id"].to_pylist()) for rows in (self.removed, self.added))
        return ShownCounts(new=len(after - before), changed=len(after & before), gone=len(before - after))


def read_changed_rows(tables: TableStore, catalogue: str, version: int) -> tuple[pa.Table, pa.Table]:
    """Return the MANIFEST rows that one version took away and those that it put, without images that stayed."""
    changes = tables.changes(layout.manifest_table(catalogue), version)
    kinds = changes["_change_type"]
    removed, added = (
        _as_manifest_rows(changes.filter(pc.is_in(kinds, pa.array(types)))) for types in (_REMOVED, _ADDED)
    )
    return _without(removed, added), _without(added, removed)


def walk_shown_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, commits: Sequence[Commit]
) -> Iterator[ShownChange]:
    """Yield the changes of these commits in their order, reading ahead more the further it is asked."""
    start, count = 0, 1

    def read(commit: Commit) -> ShownChange:
        is_approval = commit.metadata.get("kind") == APPROVAL_KIND
        nothing = MANIFEST.empty_table(), MANIFEST.empty_table()
        return ShownChange(commit, *(nothing if is_approval else read_changed_rows(tables, catalogue, commit.version)))

    while start < len(commits):
        part = commits[start : start + count]
        yield from concurrent_map(store, read, part)
        start, count = start + count, min(2 * count, _MAX_READ_AHEAD)


@dataclass
class BackwardDiff:
    """What differs between the newest release and an earlier one, while one goes back commit by commit."""

    _images: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    """Slot -> the digests of the image shown now, and then; empty where none is shown."""

    def undo(self, change: ShownChange) -> None:
        """Go back by one commit."""
        before, after = _images_by_slot(change.removed), _images_by_slot(change.added)
        for slot in {*before, *after}:
            now, _ = self._images.get(slot, (after.get(slot, b""), b""))
            then = before.get(slot, b"")
            if now == then:
                self._images.pop(slot, None)
            else:
                self._images[slot] = (now, then)

    def __len__(self) -> int:
        """Return how many slots show something else now than then."""
        return len(self._images)


def _as_manifest_rows(changes: pa.Table) -> pa.Table:
    """Return changes in the columns of MANIFEST; those that the table did not have yet are null."""
    columns = [
        changes[field.name].cast(field.type)
        if field.name in changes.column_names
        else pa.nulls(len(changes), field.type)
        for field in MANIFEST
    ]
    return pa.table(columns, schema=MANIFEST)


def _images_by_slot(rows: pa.Table) -> dict[bytes, bytes]:
    slots, images = table_row_digests(rows, "slot_id"), table_row_digests(rows, *COMPARED_COLUMNS)
    return dict(zip(_split(slots), _split(images), strict=True))


def _split(digests: bytes) -> list[bytes]:
    return [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    same = DigestSet()
    same.add(table_row_digests(others, *COMPARED_COLUMNS))
    return rows.filter(pa.array(~same.contains(table_row_digests(rows, *COMPARED_COLUMNS))))
