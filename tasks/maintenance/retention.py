"""Retention: the objects that open runs, outcomes or retained releases still reference.

Inputs: the store, the tables and the retention periods. Outputs: sets of digests, versions and run ids. The caller
reads the open work first: a run that closes after that has written its references to the tables that are read next.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_index import DIGEST_BYTES, fixed_bytes
from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.keys import image_key
from catalogs.slot_states import SlotState
from catalogs.table_schemas import REVIEW_INDEX
from infra.errors import ObjectMissing
from infra.interfaces import Commit, ObjectInfo, ObjectStore, TableStore
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.runs.run_state import has_live_lease

MIN_AGE = timedelta(days=1)
"""Nothing younger is deleted: a slow run may be about to reference it."""


@dataclass(frozen=True)
class RetentionPolicy:
    """Retention as of `now`: staged images and once-live releases for `keep_days`, and the newest `keep_releases`."""

    now: datetime
    keep_days: int
    keep_releases: int

    @property
    def cutoff(self) -> datetime:
        """Return the time before which unreferenced objects may be deleted."""
        return self.now - max(timedelta(days=self.keep_days), MIN_AGE)


@dataclass(frozen=True)
class OpenWork:
    """Runs and manifest changes that are not closed: (catalogue, run id) -> when it was opened."""

    runs: Mapping[tuple[str, str], datetime]
    manifest_changes: Mapping[tuple[str, str], datetime]

    @property
    def all_ids(self) -> frozenset[tuple[str, str]]:
        """Return the (catalogue, run id) of everything that is open."""
        return frozenset(self.runs) | frozenset(self.manifest_changes)

    def run_ids_of(self, catalogue: str) -> frozenset[str]:
        """Return the run ids of a catalogue's open work."""
        return frozenset(run_id for name, run_id in self.all_ids if name == catalogue)


def find_open_work(store: ObjectStore) -> OpenWork:
    """Return the open work of the whole store."""
    return OpenWork(
        _read_open_markers(store, layout.open_runs_prefix()),
        _read_open_markers(store, layout.open_manifest_changes_prefix()),
    )


def find_rollback_targets(store: ObjectStore, work: OpenWork, catalogue: str) -> list[int]:
    """Return the releases that open rollbacks of a catalogue go back to."""
    targets = []
    for name, run_id in work.manifest_changes:
        if name != catalogue:
            continue
        try:
            intent = read_json(store, layout.open_manifest_change(name, run_id))
        except ObjectMissing:
            continue  # it was closed since the markers were listed
        if "target" in intent:
            targets.append(int(intent["target"]))
    return targets


# Versions


def find_oldest_retained_version(
    history: Sequence[Commit], retention: RetentionPolicy, run_ids: frozenset[str], targets: Sequence[int]
) -> int:
    """Return the oldest version that must stay readable; all later ones stay readable with it.

    That is the oldest of: the newest `keep_releases` versions; the versions that were live within `keep_days` (at least
    one day); the version that an open run's commit was compared with, because a repeated commit compares again; the
    target of a rollback. `history` is newest first, and not empty.
    """
    needed = [history[0].version, history[: retention.keep_releases][-1].version, *targets]
    for successor, commit in pairwise(history):
        if successor.timestamp > retention.cutoff or successor.run_id in run_ids:
            needed.append(commit.version)
    return max(min(needed), history[-1].version)


def compute_retention_hours(history: Sequence[Commit], oldest: int) -> int:
    """Return for how many hours, by the real clock, files must be kept that versions after `oldest` wrote."""
    times = [commit.timestamp for commit in history if commit.version > oldest]
    age = datetime.now(UTC) - min(times, default=datetime.now(UTC))
    return max(ceil(MIN_AGE / timedelta(hours=1)), ceil(age / timedelta(hours=1))) + 1


# References


@dataclass
class ReferencedImages:
    """What a range of releases shows, as digests: the objects' keys, and (slot, pixel sha) for the fingerprints."""

    object_keys: DigestSet = field(default_factory=DigestSet)
    slot_images: DigestSet = field(default_factory=DigestSet)

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add manifest rows."""
        self.object_keys.add(table_row_digests(rows, "object"))
        self.slot_images.add(table_row_digests(rows, "slot_id", "pixel_sha"))


def find_referenced_images(tables: TableStore, table: str, oldest: int, newest: int) -> ReferencedImages:
    """Return what any version from `oldest` to `newest` shows: those two are read whole, others by their changes."""
    referenced = ReferencedImages()
    for version in sorted({oldest, newest}):
        for batch in tables.batches(table, ("object", "slot_id", "pixel_sha"), version=version):
            referenced.add(batch)
    for version in range(oldest + 1, newest):
        changes = tables.changes(table, version)
        referenced.add(changes.filter(pc.is_in(changes["_change_type"], pa.array(["insert", "update_postimage"]))))
    return referenced


def find_referenced_image_keys(
    store: ObjectStore, tables: TableStore, catalogue_names: Sequence[str], work: OpenWork
) -> DigestSet:
    """Return the image keys (first 16 bytes) of outcomes' attempts, and those that an open run may use."""
    image_keys = DigestSet()
    for name in catalogue_names:
        table = layout.outcomes_table(name)
        if tables.version(table) is not None:
            for batch in tables.batches(table, ("request_key", "attempts", "image_key")):
                column = batch.column("image_key").drop_null()
                image_keys.add(fixed_bytes(column)[:, :DIGEST_BYTES].tobytes() if len(column) else b"")
                # Another policy evaluates a request from its first attempt on, not from the last alone.
                image_keys.add(b"".join(_attempt_key_prefixes(batch, "attempts")))
    for _, run_id in work.runs:
        for requests in read_row_groups(store, layout.RunFiles(run_id).requests_prefix):
            image_keys.add(b"".join(_attempt_key_prefixes(requests, "attempts_allowed")))
    return image_keys


def find_pending_reviews(
    store: ObjectStore, tables: TableStore, catalogue: str, retention: RetentionPolicy
) -> tuple[DigestSet, list[ObjectInfo]]:
    """Return the images (first 16 bytes of their keys) that are still to be reviewed, and the indexes without any.

    To be reviewed are the images that wait by the outcomes, and samples that have not expired. Only indexes older than
    a day are returned.
    """
    pending, indexes = DigestSet(), []
    table = layout.outcomes_table(catalogue)
    if tables.version(table) is not None:
        for batch in tables.batches(table, ("state", "image_key")):
            images = batch.filter(pc.equal(batch.column("state"), SlotState.REVIEW)).column("image_key").drop_null()
            pending.add(fixed_bytes(images)[:, :DIGEST_BYTES].tobytes() if len(images) else b"")
    for info in store.list(layout.review_index_prefix(catalogue)):
        rows = read_table(store, info.key, REVIEW_INDEX)
        current = rows.filter(pc.greater(rows["expires_at"], pa.scalar(retention.now)))
        pending.add(_image_key_prefixes(current.filter(pc.equal(current["why"], "sample"))))
        prompts = current["image_key"].null_count  # a row without an image asks for a review of its prompt
        indexes.append((info, _image_key_prefixes(rows), prompts))
    old = [(info, images, prompts) for info, images, prompts in indexes if info.modified < retention.now - MIN_AGE]
    return pending, [info for info, images, prompts in old if not prompts and not pending.contains(images).any()]


def _image_key_prefixes(rows: pa.Table) -> bytes:
    return b"".join(key[:DIGEST_BYTES] for key in rows["image_key"].drop_null().to_pylist())


def find_unplanned_runs(store: ObjectStore, work: OpenWork, now: datetime) -> list[str]:
    """Return the open runs without a whole plan that are alive or young: they may soon reference any staged image."""
    return [
        run_id
        for (catalogue, run_id), opened in work.runs.items()
        if not store.exists(layout.RunFiles(run_id).plan)
        and (opened > now - MIN_AGE or has_live_lease(store, catalogue, run_id))
    ]


def _attempt_key_prefixes(requests: pa.Table | pa.RecordBatch, count_column: str) -> Iterator[bytes]:
    """Yield the image key of each attempt of each request, cut to 16 bytes; `count_column` says how many there are."""
    columns = (requests[name].to_pylist() for name in ("request_key", count_column))
    for key, attempts in zip(*columns, strict=True):
        for attempt in range(attempts or 0):
            yield bytes.fromhex(image_key(key.hex(), attempt))[:DIGEST_BYTES]


def _read_open_markers(store: ObjectStore, prefix: str) -> dict[tuple[str, str], datetime]:
    opened = {}
    for info in store.list(prefix):
        catalogue, _, name = info.key.removeprefix(prefix).partition("/")
        opened[catalogue, name.removesuffix(".json")] = info.modified
    return opened
