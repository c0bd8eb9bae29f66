"""The sweep of staged images: what neither an outcome nor an open run's plan names goes after its days.

Inputs: the outcomes of all catalogues, the plans of open runs. Outputs: deleted images, counted. Before each batch it
looks for runs that have begun meanwhile and takes in what their plans name, so it works beside runs every 15 minutes; a
run that is still planning is waited for, for a bounded time. An image that is lost in spite of that is made again: the
run that planned with it says so and is replaced.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from catalogs import layout
from catalogs.indexes.digest_index import DIGEST_BYTES
from catalogs.indexes.digest_set import DigestSet
from infra.coordination.running_process import running_process
from infra.errors import TableError
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from tasks.maintenance.batch_deletion import BatchDeleter, select_unreferenced
from tasks.maintenance.references import find_outcome_images, find_planned_images
from tasks.maintenance.retention import RetentionPolicy, find_open_work, find_unplanned_runs

PLAN_WAIT_SECONDS = 60.0
"""How long a sweep waits in all for runs that are planning; a refresh/new plans in seconds."""
POLL_SECONDS = 1.0


@dataclass
class StagedSweep:
    """The sweep of one store's staged images."""

    store: ObjectStore
    tables: TableStore
    catalogue_names: Sequence[str]
    retention: RetentionPolicy
    plan_wait_seconds: float = PLAN_WAIT_SECONDS
    _referenced: DigestSet = field(default_factory=DigestSet)
    _planned: set[str] = field(default_factory=set)
    """Runs whose plans are among the references."""
    _outcome_versions: dict[str, int] = field(default_factory=dict)
    """Outcomes table -> the version that is among the references."""

    def sweep(self, deleter: BatchDeleter) -> None:
        """Delete staged images that are not named."""
        try:
            unplanned = self._take_in_references()
        except TableError as error:
            deleter.result.notes.append(
                f"staged images are left alone, since an outcomes table cannot be read: {error}"
            )
            return
        if unplanned:
            names = ", ".join(unplanned)
            deleter.result.notes.append(f"staged images are left alone: {names} may be planning to use them")
            return
        cutoff = self.retention.staged_cutoff
        infos = (info for info in self.store.list(layout.STAGING) if info.modified < cutoff and image_key_prefix(info))

        @contextmanager
        def guard(batch: Sequence[ObjectInfo]) -> Iterator[Sequence[ObjectInfo] | None]:
            unplanned = self._take_in_references()
            yield None if unplanned else list(select_unreferenced(batch, self._referenced, image_key_prefix))

        note = "a run is planning, so the rest of the staged images is left for the next sweep"
        deleter.delete("staged", select_unreferenced(infos, self._referenced, image_key_prefix), guard, note)

    def _take_in_references(self) -> list[str]:
        """Add what plans and outcomes name that were written since the last look; return runs that are still planning.

        Plans are read first: a run that closes after that has written its outcomes.
        """
        work = find_open_work(self.store)
        unplanned = find_unplanned_runs(self.store, work, self.retention.now)
        while unplanned and self.plan_wait_seconds > 0:
            running_process().sleep(POLL_SECONDS)
            self.plan_wait_seconds -= POLL_SECONDS
            work = find_open_work(self.store)
            unplanned = find_unplanned_runs(self.store, work, self.retention.now)
        new = {run_id for _, run_id in work.runs} - self._planned - set(unplanned)
        if new:
            self._referenced.add(find_planned_images(self.store, new))
            self._planned |= new
        for table in map(layout.outcomes_table, self.catalogue_names):
            version = self.tables.version(table)
            if version is not None and version != self._outcome_versions.get(table):
                self._referenced.add(find_outcome_images(self.tables, table))
                self._outcome_versions[table] = version
        return unplanned


def image_key_prefix(info: ObjectInfo) -> bytes:
    """Return the first half of the image key in a staged file's name; empty for a file of another origin."""
    try:
        return bytes.fromhex(info.key.rsplit("/", 1)[1][:64])[:DIGEST_BYTES]
    except ValueError:
        return b""
