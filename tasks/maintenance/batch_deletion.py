"""Batch deletion: delete unreferenced objects in batches, count them, and stop when the caller says so.

Inputs: listings of objects, the digests of what is referenced, and a check whether deleting may continue. Outputs:
deleted objects, and their number and bytes by kind. A dry run deletes nothing and counts the same. Because the check is
asked before each batch, at most one batch is deleted after the moment at which it turns false.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from catalogs.indexes.digest_set import DigestSet
from infra.interfaces import ObjectInfo, ObjectStore

DELETE_BATCH_OBJECTS = 1000
"""Objects deleted between two checks: one delete request of S3."""

MayContinue = Callable[[], bool]


@dataclass
class DeletionCount:
    """How many files, and their bytes. The size of tables' files is not known and counts as 0."""

    files: int = 0
    bytes: int = 0


@dataclass
class SweepResult:
    """What was deleted (or would be), by kind; `notes` say what was left alone and why."""

    dry_run: bool
    counts: dict[str, DeletionCount] = field(
        default_factory=lambda: {
            kind: DeletionCount()
            for kind in ("staged", "published", "codes", "tables", "runs", "leases", "probes", "review")
        }
    )
    notes: list[str] = field(default_factory=list)


class BatchDeleter:
    """Deletes objects of one store in batches, and counts them into a result."""

    def __init__(self, store: ObjectStore, result: SweepResult) -> None:
        self.store = store
        self.result = result

    def delete(
        self, kind: str, infos: Iterable[ObjectInfo], may_continue: MayContinue = lambda: True, note: str = ""
    ) -> None:
        """Delete objects while `may_continue` is true; add `note` to the result where it stops."""
        remaining = iter(infos)
        while batch := list(islice(remaining, DELETE_BATCH_OBJECTS)):
            if not may_continue():
                self.result.notes.append(note)
                return
            count = self.result.counts[kind]
            count.files += len(batch)
            count.bytes += sum(info.size for info in batch)
            if not self.result.dry_run:
                self.store.delete(info.key for info in batch)


def select_unreferenced(
    infos: Iterable[ObjectInfo], referenced: DigestSet, digest: Callable[[ObjectInfo], bytes]
) -> Iterator[ObjectInfo]:
    """Yield the objects whose digest is not in `referenced`."""
    remaining = iter(infos)
    while batch := list(islice(remaining, DELETE_BATCH_OBJECTS)):
        is_referenced = referenced.contains(b"".join(digest(info) for info in batch)).tolist()
        yield from (info for info, keep in zip(batch, is_referenced, strict=True) if not keep)
