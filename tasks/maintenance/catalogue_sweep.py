"""The sweep of one catalogue: published images, fingerprints, review copies, and the files of its tables.

Inputs: the catalogue's name, the retention periods, the open work of the store. Outputs: what was deleted, counted by a
`BatchDeleter`, and the runs that kept releases name. The watermark is written before anything is deleted, so no
rollback begins to a release that is not kept; one that has begun keeps its release (`tasks.runs.deletion_marks`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet, text_digests
from infra.interfaces import Commit, ObjectInfo, ObjectStore, TableStore
from infra.stores.json_objects import write_json
from tasks.maintenance.answer_sweep import begin_answer_sweep, finish_answer_sweep
from tasks.maintenance.batch_deletion import BatchDeleter, select_unchanged, select_unreferenced
from tasks.maintenance.compact_fingerprints import compact_fingerprints
from tasks.maintenance.compact_tables import compact_tables
from tasks.maintenance.named_photos import NamedPhotos
from tasks.maintenance.references import (
    ReferencedImages,
    find_outcome_runs,
    find_published_files,
    find_referenced_images,
)
from tasks.maintenance.retention import (
    OpenWork,
    RetentionPolicy,
    RetentionRules,
    find_oldest_retained_version,
    find_rollback_targets,
)
from tasks.maintenance.review_sweep import ReviewNeeds, find_old_claims, sweep_review_index
from tasks.maintenance.staged_sweep import image_key_prefix
from tasks.runs.deletion_marks import set_deletion_mark
from tasks.runs.release_history import read_oldest_retained_release
from tasks.runs.standing_acceptances import MAX_COMMITS

_ROLLBACK_BEGAN = "a rollback to an older release began"


BeforeDeleting = Callable[[str, list[str]], None]
"""Is told the catalogue and the keys of each batch of published objects that goes."""


@dataclass(frozen=True)
class KeptRuns:
    """The runs whose work kept releases show (`named`), and those that committed them (`committed`)."""

    named: frozenset[str] = frozenset()
    committed: frozenset[str] = frozenset()

    def __or__(self, other: "KeptRuns") -> "KeptRuns":
        return KeptRuns(self.named | other.named, self.committed | other.committed)


@dataclass(frozen=True)
class CatalogueSweep:
    """The sweep of one catalogue."""

    store: ObjectStore
    tables: TableStore
    name: str
    retention: RetentionPolicy
    work: OpenWork
    before_deleting: BeforeDeleting | None = None
    photos: NamedPhotos | None = None
    """Is told which photos the retained releases name."""

    def sweep(self, deleter: BatchDeleter) -> KeptRuns:
        """Delete what no retained release shows, and return the runs that the retained ones name."""
        manifest = layout.manifest_table(self.name)
        history = self.tables.history(manifest)
        oldest = self._find_oldest(history, deleter.result.dry_run)
        answers = None if deleter.result.dry_run else begin_answer_sweep(self.store, self.name)
        referenced = find_referenced_images(self.tables, manifest, oldest, answers, self.photos)
        if answers:
            open_runs, newest = self.work.run_ids_of(self.name), {commit.run_id for commit in history[:MAX_COMMITS]}
            finish_answer_sweep(self.store, self.tables, self.name, answers, open_runs, newest, self.retention.young)
        self._delete_published_images(deleter, referenced, oldest)
        self._compact_fingerprints(deleter, referenced.slot_images)
        self._delete_review_copies(deleter)
        self._vacuum_manifest(deleter, oldest)
        self._vacuum_outcomes(deleter)
        if not deleter.result.dry_run:
            compact_tables(self.tables, self.name)
        committed = {commit.run_id for commit in history if commit.version >= oldest}
        named = referenced.run_ids | find_outcome_runs(self.tables, self.name) | committed
        return KeptRuns(frozenset(named), frozenset(committed))

    def _find_oldest(self, history: Sequence[Commit], dry_run: bool) -> int:
        """Return the oldest release that stays, and write it down: `rollback` refuses all earlier ones from then on."""
        targets = find_rollback_targets(self.store, self.name)
        oldest = find_oldest_retained_version(history, self.retention, self.work.run_ids_of(self.name), targets)
        before = read_oldest_retained_release(self.store, self.name)
        oldest = max(oldest, min(before, history[0].version))  # what an earlier sweep let go cannot be read again
        if oldest > before and not dry_run:
            watermark = {"oldest": oldest, "swept_at": self.retention.now}
            write_json(self.store, layout.retention_watermark(self.name), watermark)
        # A rollback writes its marker and then reads the watermark, so one that is not seen here sees the watermark.
        return min([oldest, *find_rollback_targets(self.store, self.name)])

    def _delete_published_images(self, deleter: BatchDeleter, referenced: ReferencedImages, oldest: int) -> None:
        """Delete the images that no retained release and no open run names."""
        infos = (
            info for info in self._list(layout.published_prefix(self.name)) if info.modified < self.retention.young
        )
        uncommitted = find_published_files(self.store, self.work.run_ids_of(self.name))
        unreferenced = select_unreferenced(
            select_unreferenced(infos, referenced.object_keys, _key_digest), uncommitted, _key_digest
        )
        note = f"{self.name}: {_ROLLBACK_BEGAN}, so the rest of the published images is left for the next sweep"

        @contextmanager
        def guard(batch: Sequence[ObjectInfo]) -> Iterator[Sequence[ObjectInfo] | None]:
            with self._guard(oldest, batch) as unneeded:
                if unneeded and self.before_deleting:
                    self.before_deleting(self.name, [info.key for info in unneeded])
                yield unneeded

        deleter.delete("published", unreferenced, guard, note)

    @contextmanager
    def _guard(self, oldest: int, batch: Sequence[ObjectInfo]) -> Iterator[Sequence[ObjectInfo] | None]:
        """Yield what of a batch may go, while runs and rollbacks wait; None where a rollback goes back further."""
        with set_deletion_mark(self.store, self.name) as mark:
            targets = find_rollback_targets(self.store, self.name)
            unneeded = None if any(target < oldest for target in targets) else select_unchanged(self.store, batch)
            yield unneeded if mark.counts else None

    def _compact_fingerprints(self, deleter: BatchDeleter, slot_images: DigestSet) -> None:
        """Merge the fingerprint files that are older than a day and that no open run may still write."""
        open_files = {layout.fingerprints(self.name, run_id) for run_id in self.work.run_ids_of(self.name)}
        files = [
            info
            for info in self._list(layout.fingerprints_prefix(self.name))
            if info.modified < self.retention.young and info.key not in open_files
        ]
        dry_run = deleter.result.dry_run
        deleter.delete("codes", compact_fingerprints(self.store, self.name, files, slot_images, dry_run))

    def _delete_review_copies(self, deleter: BatchDeleter) -> None:
        """Delete what no review needs any more: copies, rows of the index, claims."""
        open_runs = self.work.run_ids_of(self.name)
        needs = ReviewNeeds.read(self.tables, self.name, self.retention, open_runs)
        old_indexes = sweep_review_index(self.store, self.name, needs, deleter.result.dry_run)
        copies = self._list(layout.review_images_prefix(self.name))
        old = (info for info in copies if info.modified < self.retention.young)
        old_claims = find_old_claims(self.store, self.name, self.retention)
        unneeded = [*select_unreferenced(old, needs.images, image_key_prefix), *old_indexes, *old_claims]
        note = f"{self.name}: the store was too slow; the rest of the review copies is left for the next sweep"
        deleter.delete("review", unneeded, partial(self._guard, 0), note)

    def _vacuum_manifest(self, deleter: BatchDeleter, oldest: int) -> None:
        """Delete the manifest's files that no version from `oldest` on needs, while no rollback goes back further."""
        table = layout.manifest_table(self.name)
        unneeded = self._vacuum(table, oldest, dry_run=True)
        if unneeded and not deleter.result.dry_run:
            with self._guard(oldest, ()) as allowed:
                if allowed is None:
                    deleter.result.notes.append(f"{self.name}: {_ROLLBACK_BEGAN}, so the manifest's files are left")
                    return
                unneeded = self._vacuum(table, oldest, dry_run=False)
        deleter.count("tables", unneeded)

    def _vacuum_outcomes(self, deleter: BatchDeleter) -> None:
        """Delete the files of outcomes that only versions need which were replaced more than a day ago."""
        table = layout.outcomes_table(self.name)
        history = self.tables.history(table)
        if history:
            for_a_day = RetentionPolicy(self.retention.now, RetentionRules(keep_days=0, keep_releases=1))
            oldest = find_oldest_retained_version(history, for_a_day, self.work.run_ids_of(self.name), ())
            deleter.count("tables", self._vacuum(table, oldest, deleter.result.dry_run))

    def _vacuum(self, table: str, oldest: int, dry_run: bool) -> Sequence[ObjectInfo]:
        """Delete data files and log entries that no version from `oldest` on needs; return them."""
        unneeded = self.tables.vacuum(table, oldest=oldest, older_than=self.retention.young, dry_run=dry_run)
        return [*unneeded, *self.tables.clean_log(table, oldest, dry_run=dry_run)]

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self.store.list(prefix)


def _key_digest(info: ObjectInfo) -> bytes:
    return text_digests([info.key])
