"""Batch deletion: delete unreferenced objects in batches, look again before each, and count them.

Inputs: listings of objects, the digests of what is referenced, and a guard that looks again. Outputs: deleted objects,
and their number and bytes by kind. A dry run deletes nothing, looks only once and counts the same. Since the guard is
asked for each batch, a run or a rollback that begins meanwhile loses nothing, and the rest is deleted beside it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice

from catalogs.indexes.digest_set import DigestSet
from infra.errors import ObjectMissing
from infra.interfaces import ObjectInfo, ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.old_versions import open_old_versions

DELETE_BATCH_OBJECTS = 1000
"""Objects deleted between two looks: one delete request of S3."""

Guard = Callable[[Sequence[ObjectInfo]], AbstractContextManager[Sequence[ObjectInfo] | None]]
"""Looks at a batch again, and keeps others from naming it while it is deleted: what may go, or None to stop."""

KINDS = (
    "staged", "published", "codes", "tables", "runs", "leases", "probes", "review",
    "scores", "samples", "marks", "purges", "access", "sources", "cutouts", "stages",
)  # fmt: skip


@dataclass
class DeletionCount:
    """How many files, and their bytes."""

    files: int = 0
    bytes: int = 0

    def add(self, infos: Iterable[ObjectInfo]) -> None:
        """Count these files."""
        for info in infos:
            self.files += 1
            self.bytes += info.size


@dataclass
class SweepResult:
    """What was deleted (or would be), by kind; `notes` say what was left alone and why."""

    dry_run: bool
    counts: dict[str, DeletionCount] = field(default_factory=lambda: {kind: DeletionCount() for kind in KINDS})
    notes: list[str] = field(default_factory=list)


class BatchDeleter:
    """Deletes objects of one store in batches, and counts them into a result."""

    def __init__(self, store: ObjectStore, result: SweepResult) -> None:
        self.store = store
        self.result = result
        self.old_versions = None if result.dry_run else open_old_versions(store)

    def count(self, kind: str, deleted: Sequence[ObjectInfo]) -> None:
        """Count deleted objects, and delete their old versions where the bucket keeps them."""
        self.result.counts[kind].add(deleted)
        if self.old_versions is not None:
            self.old_versions.delete_of([info.key for info in deleted])

    def delete(self, kind: str, infos: Iterable[ObjectInfo], guard: Guard = nullcontext, note: str = "") -> None:
        """Delete what `guard` lets go of each batch; add `note` where it stops. A dry run has no guard."""
        remaining = iter(infos)
        while batch := list(islice(remaining, DELETE_BATCH_OBJECTS)):
            with nullcontext(batch) if self.result.dry_run else guard(batch) as unneeded:
                if unneeded is None:
                    self.result.notes.append(note)
                    return
                if not self.result.dry_run:
                    self.store.delete(info.key for info in unneeded)
                self.count(kind, unneeded)


def select_unreferenced(
    infos: Iterable[ObjectInfo], referenced: DigestSet, digest: Callable[[ObjectInfo], bytes]
) -> Iterator[ObjectInfo]:
    """Yield the objects whose digest is not in `referenced`."""
    remaining = iter(infos)
    while batch := list(islice(remaining, DELETE_BATCH_OBJECTS)):
        is_referenced = referenced.contains(b"".join(digest(info) for info in batch)).tolist()
        yield from (info for info, keep in zip(batch, is_referenced, strict=True) if not keep)


def select_unchanged(store: ObjectStore, infos: Sequence[ObjectInfo]) -> list[ObjectInfo]:
    """Return the objects that were not written again since they were listed, by one request each, side by side."""

    def is_unchanged(info: ObjectInfo) -> bool:
        try:
            return store.info(info.key).modified <= info.modified
        except ObjectMissing:
            return False

    return [info for info, same in zip(infos, concurrent_map(store, is_unchanged, infos), strict=True) if same]
