"""What a sweep must leave alone: what open runs, outcomes and kept releases name.

Comes in: the store, the tables, and how long things are kept. Goes out: sets of names. Whoever deletes asks for the
open work first: a run that closes after that has put its names into the tables that are read next.
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
"""Nothing younger is deleted: a slow run may be about to name it."""


@dataclass(frozen=True)
class RetentionPolicy:
    """How long things are kept, seen from `now`: staged images and shown releases for `days`, and so many releases."""

    now: datetime
    keep_days: int
    keep_releases: int

    @property
    def cutoff(self) -> datetime:
        """Return the time before which what nobody names may go."""
        return self.now - max(timedelta(days=self.keep_days), MIN_AGE)


@dataclass(frozen=True)
class OpenWork:
    """Runs and amendments that are not closed: (catalogue, run id) -> when it was opened."""

    runs: Mapping[tuple[str, str], datetime]
    manifest_changes: Mapping[tuple[str, str], datetime]

    @property
    def all_ids(self) -> frozenset[tuple[str, str]]:
        """Return every open piece of work."""
        return frozenset(self.runs) | frozenset(self.manifest_changes)

    def run_ids_of(self, catalogue: str) -> frozenset[str]:
        """Return the ids of a catalogue's open work."""
        return frozenset(run_id for name, run_id in self.all_ids if name == catalogue)


def find_open_work(store: ObjectStore) -> OpenWork:
    """Return what is open in the whole store."""
    return OpenWork(
        _read_open_markers(store, layout.open_runs_prefix()),
        _read_open_markers(store, layout.open_manifest_changes_prefix()),
    )


def find_rollback_targets(store: ObjectStore, work: OpenWork, catalogue: str) -> list[int]:
    """Return the releases that open rollbacks of a catalogue go back to."""
    found = []
    for name, run_id in work.manifest_changes:
        try:
            words = read_json(store, layout.open_manifest_change(name, run_id)) if name == catalogue else {}
            found += [int(words["target"])] if "target" in words else []
        except ObjectMissing:
            continue  # it was closed a moment ago
    return found


# Versions


def find_oldest_retained_version(
    history: Sequence[Commit], retention: RetentionPolicy, run_ids: frozenset[str], targets: Sequence[int]
) -> int:
    """Return the oldest version that must stay readable; all later ones stay with it.

    That is the oldest of: the newest `keeping.releases`; those that were shown within `keeping.days` (or the last day);
    what an open run's commit was compared with, since its repetition compares again; what a rollback goes back to.
    `history` is newest first, and not empty.
    """
    needed = [history[0].version, history[: retention.keep_releases][-1].version, *targets]
    for successor, commit in pairwise(history):
        if successor.timestamp > retention.cutoff or successor.run_id in run_ids:
            needed.append(commit.version)
    return max(min(needed), history[-1].version)


def compute_retention_hours(history: Sequence[Commit], oldest: int) -> int:
    """Return for how many hours, by the real clock, files must be kept that later versions than `oldest` wrote."""
    times = [commit.timestamp for commit in history if commit.version > oldest]
    age = datetime.now(UTC) - min(times, default=datetime.now(UTC))
    return max(ceil(MIN_AGE / timedelta(hours=1)), ceil(age / timedelta(hours=1))) + 1


# Names


@dataclass
class ReferencedImages:
    """What a range of releases shows: the objects' keys, and (slot, pixel sha) for the fingerprints."""

    object_keys: DigestSet = field(default_factory=DigestSet)
    slot_images: DigestSet = field(default_factory=DigestSet)

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add manifest rows."""
        self.object_keys.add(table_row_digests(rows, "object"))
        self.slot_images.add(table_row_digests(rows, "slot_id", "pixel_sha"))


def find_referenced_images(tables: TableStore, table: str, oldest: int, newest: int) -> ReferencedImages:
    """Return what any version from `oldest` to `newest` shows: two of them whole, the rest by what each one changed."""
    shown = ReferencedImages()
    for version in sorted({oldest, newest}):
        for batch in tables.batches(table, ("object", "slot_id", "pixel_sha"), version=version):
            shown.add(batch)
    for version in range(oldest + 1, newest):
        changes = tables.changes(table, version)
        shown.add(changes.filter(pc.is_in(changes["_change_type"], pa.array(["insert", "update_postimage"]))))
    return shown


def find_referenced_image_keys(
    store: ObjectStore, tables: TableStore, catalogue_names: Sequence[str], work: OpenWork
) -> DigestSet:
    """Return the image keys (their first 16 bytes) that an outcome came by or an open run may make or use again."""
    found = DigestSet()
    for name in catalogue_names:
        table = layout.outcomes_table(name)
        if tables.version(table) is not None:
            for batch in tables.batches(table, ("request_key", "attempts", "image_key")):
                column = batch.column("image_key").drop_null()
                found.add(fixed_bytes(column)[:, :DIGEST_BYTES].tobytes() if len(column) else b"")
                # Another policy judges a request anew from its first attempt on, not from the last alone.
                found.add(b"".join(_attempt_key_prefixes(batch, "attempts")))
    for _, run_id in work.runs:
        for requests in read_row_groups(store, layout.RunFiles(run_id).requests_prefix):
            found.add(b"".join(_attempt_key_prefixes(requests, "attempts_allowed")))
    return found


def find_pending_reviews(
    store: ObjectStore, tables: TableStore, catalogue: str, retention: RetentionPolicy
) -> tuple[DigestSet, list[ObjectInfo]]:
    """Return the pictures (the first 16 bytes of their keys) that people may still be asked about, and old indices.

    Those are the pictures that wait by the outcomes, and samples whose time is not over. An index goes when none of its
    pictures is among them.
    """
    found, files = DigestSet(), []
    table = layout.outcomes_table(catalogue)
    if tables.version(table) is not None:
        for batch in tables.batches(table, ("state", "image_key")):
            images = batch.filter(pc.equal(batch.column("state"), SlotState.REVIEW)).column("image_key").drop_null()
            found.add(fixed_bytes(images)[:, :DIGEST_BYTES].tobytes() if len(images) else b"")
    for info in store.list(layout.review_index_prefix(catalogue)):
        rows = read_table(store, info.key, REVIEW_INDEX)
        current = rows.filter(pc.greater(rows["expires_at"], pa.scalar(retention.now)))
        found.add(_image_key_prefixes(current.filter(pc.equal(current["why"], "sample"))))
        prompts = current["image_key"].null_count  # without an image the prompt is what is asked about
        files.append((info, _image_key_prefixes(rows), prompts))
    old = [(info, images, prompts) for info, images, prompts in files if info.modified < retention.now - MIN_AGE]
    return found, [info for info, images, prompts in old if not prompts and not found.contains(images).any()]


def _image_key_prefixes(rows: pa.Table) -> bytes:
    return b"".join(key[:DIGEST_BYTES] for key in rows["image_key"].drop_null().to_pylist())


def find_unplanned_runs(store: ObjectStore, work: OpenWork, now: datetime) -> list[str]:
    """Return the open runs that have not said yet which images they will use, and may soon."""
    return [
        run_id
        for (catalogue, run_id), opened in work.runs.items()
        if not store.exists(layout.RunFiles(run_id).plan)
        and (opened > now - MIN_AGE or has_live_lease(store, catalogue, run_id))
    ]


def _attempt_key_prefixes(requests: pa.Table | pa.RecordBatch, count_column: str) -> Iterator[bytes]:
    columns = (requests[name].to_pylist() for name in ("request_key", count_column))
    for key, attempts in zip(*columns, strict=True):
        for attempt in range(attempts or 0):
            yield bytes.fromhex(image_key(key.hex(), attempt))[:DIGEST_BYTES]


def _read_open_markers(store: ObjectStore, prefix: str) -> dict[tuple[str, str], datetime]:
    found = {}
    for info in store.list(prefix):
        catalogue, _, name = info.key.removeprefix(prefix).partition("/")
        found[catalogue, name.removesuffix(".json")] = info.modified
    return found
