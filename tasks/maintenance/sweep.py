"""Delete what nobody needs any more, and nothing else.

Comes in: a store, how long things are kept. Goes out: counts and bytes by kind. Every deletion asks three questions:
is it older than a day; does an open run, an outcome or a kept release name it; has anything begun since we looked? A
sweep that was killed has only deleted less. Catalogues without a manifest are left alone altogether.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.indexes.digest_index import WIDTH
from catalogs.indexes.digest_set import DigestSet, text_digests
from infra.errors import TableError
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from infra.stores.json_objects import write_json
from tasks.maintenance.compact_fingerprints import compact_codes
from tasks.maintenance.retention import (
    DAY,
    Keeping,
    OpenWork,
    hours_needed,
    measuring_runs,
    named_images,
    oldest_needed,
    open_work,
    review_copies,
    rollback_targets,
    shown_since,
    unplanned,
)
from tasks.runs.release_history import catalogues, oldest_kept

RUN_DAYS = 30
"""Days after which a closed run's tables go; what it says of itself (JSON, its report) stays."""
BATCH = 1000
"""Objects deleted between two looks at what has begun: one request of S3's."""

Quiet = Callable[[], bool]


@dataclass
class Count:
    """How many files, and their size. Bytes of tables' files are not known and count as 0."""

    files: int = 0
    bytes: int = 0


@dataclass
class Swept:
    """What was deleted (or would be), by kind, and what was left alone and why."""

    dry_run: bool
    counts: dict[str, Count] = field(
        default_factory=lambda: {
            kind: Count() for kind in ("staged", "published", "codes", "tables", "runs", "leases", "probes", "review")
        }
    )
    notes: list[str] = field(default_factory=list)


def sweep(
    store: ObjectStore,
    tables: TableStore,
    *,
    keep_days: int = 7,
    keep_releases: int = 30,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Swept:
    """Delete what nobody needs; a dry run deletes nothing and reports the same numbers.

    Kept are staged images for `keep_days`; the newest `keep_releases` releases of each catalogue and every one that was
    shown within `keep_days`, with all their pictures; tables of closed runs for 30 days, and what they measured for as
    long as its picture is live or waits. Nothing younger than a day goes. `now` stands for the clock that files' and
    releases' ages are taken by. Raises `OptionError` for a number that cannot be.
    """
    if keep_days < 0 or keep_releases < 1:
        raise OptionError(
            f"keep_days {keep_days} and keep_releases {keep_releases}: give at least 0 days and 1 release"
        )
    if store.url != tables.url:
        raise ValueError(f"The objects of {store.url} cannot be swept by the tables of {tables.url}.")
    keeping = Keeping(now or datetime.now(UTC), keep_days, keep_releases)
    work = open_work(store)
    broom = _Broom(store, Swept(dry_run))
    names = catalogues(store)
    for name in names:
        try:
            _Catalogue(store, tables, name, keeping, work).sweep(broom)
        except TableError as error:
            broom.swept.notes.append(f"{name}: left as it is, since its kept releases cannot be read: {error}")
    _sweep_staged(store, tables, names, keeping, work, broom)
    _sweep_run_tables(store, tables, names, keeping, work, broom)
    broom.sweep("leases", _old_run_leases(store, keeping, work))
    broom.sweep("probes", (info for info in store.list(layout.PROBES) if info.modified < keeping.now - DAY))
    if not dry_run:
        store.remove_leftovers(keeping.now - DAY)
    return broom.swept


class _Broom:
    """Deletes in batches and counts; between batches it asks whether it may go on."""

    def __init__(self, store: ObjectStore, swept: Swept) -> None:
        self.store = store
        self.swept = swept

    def sweep(self, kind: str, infos: Iterable[ObjectInfo], quiet: Quiet = lambda: True, note: str = "") -> None:
        rest = iter(infos)
        while some := list(islice(rest, BATCH)):
            if not quiet():
                self.swept.notes.append(note)
                return
            count = self.swept.counts[kind]
            count.files += len(some)
            count.bytes += sum(info.size for info in some)
            if not self.swept.dry_run:
                self.store.delete(info.key for info in some)


@dataclass(frozen=True)
class _Catalogue:
    """One catalogue's published pictures, fingerprints and tables."""

    store: ObjectStore
    tables: TableStore
    name: str
    keeping: Keeping
    work: OpenWork

    def sweep(self, broom: _Broom) -> None:
        manifest = layout.manifest(self.name)
        history = self.tables.history(manifest)
        targets = rollback_targets(self.store, self.work, self.name)
        oldest = oldest_needed(history, self.keeping, self.work.of(self.name), targets)
        before = oldest_kept(self.store, self.name)
        oldest = max(oldest, min(before, history[0].version))  # what went earlier cannot be read again
        newest = history[0].version
        shown = shown_since(self.tables, manifest, oldest, newest)
        if oldest > before and not broom.swept.dry_run:
            write_json(self.store, layout.horizon(self.name), {"oldest": oldest, "swept_at": self.keeping.now})
        self._pictures(broom, shown.objects, newest)
        old = self.keeping.now - DAY
        files = [info for info in self.store.list(layout.codes_prefix(self.name)) if info.modified < old]
        busy = {layout.codes(self.name, run_id) for run_id in self.work.of(self.name)}
        files = [info for info in files if info.key not in busy]
        broom.sweep("codes", compact_codes(self.store, self.name, files, shown.pictures, broom.swept.dry_run))
        self._reviews(broom)
        count = broom.swept.counts["tables"]
        for table in (manifest, layout.outcomes(self.name)):
            count.files += self._vacuum(table, oldest if table == manifest else None, broom.swept.dry_run)

    def _reviews(self, broom: _Broom) -> None:
        """Delete copies for people that nobody waits for any more: decided, expired, or seen for long enough."""
        if self.work.of(self.name):
            return  # it may be about to name some
        asked, over = review_copies(self.store, self.tables, self.name, self.keeping)
        copies = self.store.list(layout.review_pictures(self.name))
        old = (info for info in copies if info.modified < self.keeping.now - DAY)
        broom.sweep("review", [*_unnamed(old, asked, _image_of), *over])

    def _pictures(self, broom: _Broom, shown: DigestSet, newest: int) -> None:
        if self.work.of(self.name):
            broom.swept.notes.append(f"{self.name}: published pictures are left alone while a run is open")
            return
        old = self.keeping.now - DAY
        infos = (info for info in self.store.list(layout.published_prefix(self.name)) if info.modified < old)

        def quiet() -> bool:
            return not open_work(self.store).of(self.name) and self.tables.version(layout.manifest(self.name)) == newest

        note = f"{self.name}: a run began, so the rest of its published pictures is left for the next sweep"
        broom.sweep("published", _unnamed(infos, shown, lambda info: text_digests([info.key])), quiet, note)

    def _vacuum(self, table: str, oldest: int | None, dry_run: bool) -> int:
        """Delete a table's files that no version from `oldest` on needs; of the outcomes, the last one is enough."""
        history = self.tables.history(table)
        if not history:
            return 0
        if oldest is None:
            last = Keeping(self.keeping.now, self.keeping.days, 1)
            oldest = oldest_needed(history, last, self.work.of(self.name), ())
        hours = hours_needed(history, oldest)
        return self.tables.vacuum(table, keep_hours=hours, keep_versions=[oldest], dry_run=dry_run)


def _sweep_staged(
    store: ObjectStore, tables: TableStore, names: Sequence[str], keeping: Keeping, work: OpenWork, broom: _Broom
) -> None:
    planning = unplanned(store, work, keeping.now)
    if planning:
        broom.swept.notes.append(f"staged images are left alone: {', '.join(planning)} may be planning to use them")
        return
    try:
        named = named_images(store, tables, names, work)
    except TableError as error:
        broom.swept.notes.append(f"staged images are left alone, since an outcomes table cannot be read: {error}")
        return
    infos = (info for info in store.list(layout.STAGING) if info.modified < keeping.before and _image_of(info))
    note = "a run began, so the rest of the staged images is left for the next sweep"
    broom.sweep("staged", _unnamed(infos, named, _image_of), lambda: open_work(store).all <= work.all, note)


def _unnamed(
    infos: Iterable[ObjectInfo], named: DigestSet, digest: Callable[[ObjectInfo], bytes]
) -> Iterator[ObjectInfo]:
    rest = iter(infos)
    while some := list(islice(rest, BATCH)):
        kept = named.holds(b"".join(digest(info) for info in some)).tolist()
        yield from (info for info, keep in zip(some, kept, strict=True) if not keep)


def _image_of(info: ObjectInfo) -> bytes:
    """Return the first half of the image key that a staged file is named by; nothing for a file of somebody else's."""
    try:
        return bytes.fromhex(info.key.rsplit("/", 1)[1][:64])[:WIDTH]
    except ValueError:
        return b""


def _sweep_run_tables(
    store: ObjectStore, tables: TableStore, names: Sequence[str], keeping: Keeping, work: OpenWork, broom: _Broom
) -> None:
    """Delete old runs' tables; what measured the pictures that are live or wait stays, for policies to come."""
    try:
        measuring = {run_id for name in names for run_id in measuring_runs(store, tables, name)}
    except TableError as error:
        broom.swept.notes.append(f"tables of runs are left alone, since a catalogue cannot be read: {error}")
        return
    infos = _old_run_tables(store, keeping, work)
    broom.sweep("runs", (info for info in infos if not _says_what_was_measured(info, measuring)))


def _says_what_was_measured(info: ObjectInfo, measuring: Container[str]) -> bool:
    _, run_id, name = info.key.split("/", 2)
    measured = name == layout.WITHDRAWALS or name.startswith(("records/", "requests/"))
    return run_id in measuring and measured


def _old_run_tables(store: ObjectStore, keeping: Keeping, work: OpenWork) -> Iterator[ObjectInfo]:
    open_ids = {run_id for _, run_id in work.all}
    before = keeping.now - timedelta(days=RUN_DAYS)
    for run_id, infos in groupby(store.list(layout.RUNS), key=lambda info: info.key.split("/")[1]):
        files = list(infos)
        if run_id not in open_ids and all(info.modified < before for info in files):
            yield from (info for info in files if info.key.endswith(".parquet"))


def _old_run_leases(store: ObjectStore, keeping: Keeping, work: OpenWork) -> Iterator[ObjectInfo]:
    """Yield the leases of closed runs: nobody takes them again. A catalogue's own lease is two small files for ever."""
    open_leases = {layout.run_lease(*each) for each in work.all}
    for info in store.list(layout.LEASES):
        lease = info.key.rpartition("/")[0]
        of_run = lease.rpartition("/")[2].startswith("run-")
        if of_run and lease not in open_leases and info.modified < keeping.now - DAY:
            yield info
