"""The sweep of photos, cut-outs and stages: what no release, question, run, outcome, index or library names goes.

Inputs: what kept releases name; the photo indexes, libraries of stages and open plans of the whole store. Outputs:
deleted objects, counted. Nothing goes that is younger than a day; `tasks.maintenance.stage_sweep` says how long a stage
stays. A library that cannot be read keeps every stage, and stops no other sweep.
It works beside runs as the sweep of staged images does: a run that is planning may be about to name any photo, so
nothing goes then; before each batch it looks for plans and indexes that were written since, and at each object's age. A
photo that a run has just kept again is young (`infra.photos.photo_files`).
What names photos in many files (outcomes' requests, review indexes) is read only where something else would go.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa

from catalogs import layout
from catalogs.stages.library import StageLibrary
from catalogs.table_schemas import REQUESTS, REVIEW_INDEX
from infra.errors import DocumentUnreadable, ExternalError, TableError
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from infra.photos.photo_index import load_index
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table, read_row_groups
from tasks.maintenance.batch_deletion import DELETE_BATCH_OBJECTS, BatchDeleter, select_unchanged
from tasks.maintenance.named_photos import NamedPhotos
from tasks.maintenance.references import find_outcome_runs
from tasks.maintenance.retention import RetentionPolicy, find_open_work, find_unplanned_runs
from tasks.maintenance.stage_sweep import StageNeeds, read_libraries
from tasks.reviews.review_index import list_review_index

_PREFIXES = (layout.SOURCES, layout.CUTOUTS, layout.STAGE_IMAGES)

_KEPT = pa.schema([REQUESTS.field("kept")])
_ASKED = pa.schema([REVIEW_INDEX.field("kept")])


@dataclass
class PhotoSweep:
    """The sweep of one store's photos; `named` holds what the kept releases of all catalogues name."""

    store: ObjectStore
    tables: TableStore
    catalogue_names: Sequence[str]
    retention: RetentionPolicy
    named: NamedPhotos
    _planned: set[str] = field(default_factory=set)
    """Runs whose requests are among the names."""
    _indexes: dict[str, str] = field(default_factory=dict)
    """Photo index -> the version of it that is among the names."""
    _damaged_index: str = ""
    """A photo index that cannot be read, and so what it names; the next refresh of its catalogue replaces it."""
    _libraries: list[StageLibrary] | None = None
    """The libraries of stages as they were at the last look; None where one cannot be read."""

    def sweep(self, deleter: BatchDeleter) -> None:
        """Delete the photos, cut-outs and stages that nothing names; a store without old ones costs three listings."""
        if not any(True for prefix in _PREFIXES for _ in self._old(prefix)):
            return
        if self._take_in_names():
            deleter.result.notes.append("photos are left alone: a run may be planning to use them")
            return
        if self._damaged_index:
            deleter.result.notes.append(
                f"photos are left alone, since {self._damaged_index} cannot be read: the next refresh of its catalogue"
                " replaces it"
            )
            return
        if self._libraries is None:
            deleter.result.notes.append("stages are left alone, since a library of them cannot be read")
        if all(next(self._unneeded(prefix), None) is None for prefix in _PREFIXES):
            return
        try:
            self._take_in_questions()
        except TableError as error:
            deleter.result.notes.append(f"photos are left alone, since an outcomes table cannot be read: {error}")
            return
        if not deleter.result.dry_run:
            self._stage_needs.drop_ended(self.store, self._libraries or ())
        note = "a run is planning, so the rest of the photos is left for the next sweep"
        kinds = (("cutouts", layout.CUTOUTS), ("sources", layout.SOURCES), ("stages", layout.STAGE_IMAGES))
        for kind, prefix in kinds:
            deleter.delete(kind, self._unneeded(prefix), self._guard, note)

    @contextmanager
    def _guard(self, batch: Sequence[ObjectInfo]) -> Iterator[Sequence[ObjectInfo] | None]:
        if self._take_in_names() or self._damaged_index:
            yield None
        else:
            yield select_unchanged(self.store, self._of_nothing(list(batch)))

    def _unneeded(self, prefix: str) -> Iterator[ObjectInfo]:
        old = self._old(prefix)
        while batch := list(islice(old, DELETE_BATCH_OBJECTS)):
            yield from self._of_nothing(batch)

    def _of_nothing(self, batch: list[ObjectInfo]) -> list[ObjectInfo]:
        """Return the objects of one prefix that nothing names."""
        if not batch[0].key.startswith(layout.STAGE_IMAGES):
            return self.named.unneeded(batch)
        return [] if self._libraries is None else self._stage_needs.unneeded(batch, self._libraries)

    @property
    def _stage_needs(self) -> StageNeeds:
        return StageNeeds(self.named, self.retention.runs_cutoff)

    def _old(self, prefix: str) -> Iterator[ObjectInfo]:
        return (info for info in self.store.list(prefix) if info.modified < self.retention.young)

    def _take_in_names(self) -> list[str]:
        """Add what plans, indexes and libraries name since the last look; return runs that are still planning.

        Plans are read first: a run that closes after that has saved its index.
        """
        work = find_open_work(self.store)
        unplanned = find_unplanned_runs(self.store, work, self.retention.now)
        self._take_in_requests({run_id for _, run_id in work.runs} - set(unplanned))
        for info in self.store.list(layout.PHOTO_INDEXES):
            if self._indexes.get(info.key) != info.version:
                try:
                    self.named.add_index(load_index(self.store, info.key)["sha256"])
                except DocumentUnreadable:
                    self._damaged_index = info.key
                self._indexes[info.key] = info.version
        try:
            self._libraries = read_libraries(self.store)
        except ExternalError:
            self._libraries = None
        return unplanned

    def _take_in_questions(self) -> None:
        """Add what outcomes and review indexes name."""
        for name in self.catalogue_names:
            self._take_in_requests(find_outcome_runs(self.tables, name))
            files = list_review_index(self.store, name)
            for info, data in zip(files, concurrent_map(self.store, self._find, files), strict=True):
                if data is not None:  # a run folded it meanwhile, into one that is listed
                    self.named.add_results(parse_table(info.key, data, _ASKED))

    def _find(self, info: ObjectInfo) -> bytes | None:
        return self.store.find(info.key)

    def _take_in_requests(self, run_ids: set[str]) -> None:
        def read(run_id: str) -> list[pa.Table]:
            return list(read_row_groups(self.store, layout.RunFiles(run_id).requests_prefix, ["kept"], _KEPT))

        new = sorted(run_ids - self._planned)
        for tables in concurrent_map(self.store, read, new):
            for requests in tables:
                self.named.add_requests(requests["kept"])
        self._planned.update(new)
