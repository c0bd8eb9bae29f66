"""References: the objects and runs that kept releases, outcomes, reviews and open runs still name.

Inputs: the store, the tables, open work. Outputs: sets of digests and run ids. What is read many times over the years
is read side by side, and each file once, so the cost does not grow with the number of commits ever made.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from catalogs import layout
from catalogs.indexes.digest_index import DIGEST_BYTES, fixed_bytes
from catalogs.indexes.digest_set import DigestSet, table_row_digests, text_digests
from catalogs.keys import image_key
from catalogs.table_schemas import MANIFEST, PUBLISHED_FILES
from infra.interfaces import ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import parse_table, read_row_groups
from tasks.answers.answer_pruning import AnswerReferences
from tasks.maintenance.named_photos import NamedPhotos

_IMAGE_COLUMNS = ("object", "slot_id", "pixel_sha", "run_id", "photo_sha", "kept")


@dataclass
class ReferencedImages:
    """What a range of releases shows, as digests: the objects' keys, and (slot, pixel sha) for the fingerprints."""

    object_keys: DigestSet = field(default_factory=DigestSet)
    slot_images: DigestSet = field(default_factory=DigestSet)
    run_ids: set[str] = field(default_factory=set)
    """The runs that published them."""

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add manifest rows."""
        self.object_keys.add(table_row_digests(rows, "object"))
        self.slot_images.add(table_row_digests(rows, "slot_id", "pixel_sha"))
        self.run_ids |= set(rows.column("run_id").unique().drop_null().to_pylist())


def find_referenced_images(
    tables: TableStore,
    table: str,
    oldest: int,
    answers: AnswerReferences | None = None,
    photos: NamedPhotos | None = None,
) -> ReferencedImages:
    """Return what any version from `oldest` on shows: each data file of those versions is read once.

    `answers` and `photos` are told what those versions name, too.
    """
    referenced = ReferencedImages()
    names = [*_IMAGE_COLUMNS, *(("request_key", "sku") if answers else ())]
    columns = pa.schema([MANIFEST.field(name) for name in names])
    for batch in tables.batches_since(table, columns, oldest=oldest):
        referenced.add(batch)
        if photos is not None:
            photos.add_results(batch)
        if answers:
            answers.add(batch)
    return referenced


def find_published_files(store: ObjectStore, run_ids: Iterable[str]) -> DigestSet:
    """Return the objects that these runs have written and not committed yet, as digests of their keys.

    A run that was killed after it wrote them uses them when it is resumed, whatever their age.
    """
    keys = DigestSet()

    def read_keys(run_id: str) -> list[str]:
        tables = read_row_groups(store, layout.RunFiles(run_id).published_prefix)
        return [key for table in tables for key in table[PUBLISHED_FILES.names[1]].to_pylist()]

    for published in concurrent_map(store, read_keys, sorted(run_ids)):
        keys.add(text_digests(published))
    return keys


def find_outcome_images(tables: TableStore, table: str) -> bytes:
    """Return the image keys (first 16 bytes, concatenated) of every attempt that an outcomes table names."""
    image_keys = []
    for batch in tables.batches(table, ("request_key", "attempts", "image_key")):
        column = batch.column("image_key").drop_null()
        image_keys.append(fixed_bytes(column)[:, :DIGEST_BYTES].tobytes() if len(column) else b"")
        # Another policy evaluates a request from its first attempt on, not from the last alone.
        image_keys += _attempt_key_prefixes(batch, "attempts")
    return b"".join(image_keys)


def find_planned_images(store: ObjectStore, run_ids: Iterable[str]) -> bytes:
    """Return the image keys (first 16 bytes, concatenated) of every attempt that these runs' plans allow."""

    def read_keys(run_id: str) -> bytes:
        tables = read_row_groups(store, layout.RunFiles(run_id).requests_prefix)
        return b"".join(key for requests in tables for key in _attempt_key_prefixes(requests, "attempts_allowed"))

    return b"".join(concurrent_map(store, read_keys, sorted(run_ids)))


def find_outcome_runs(tables: TableStore, catalogue: str) -> set[str]:
    """Return the runs that wrote a catalogue's outcomes."""
    run_ids: set[str] = set()
    table = layout.outcomes_table(catalogue)
    if tables.version(table) is not None:
        for batch in tables.batches(table, ("run_id",)):
            run_ids |= set(batch.column("run_id").unique().drop_null().to_pylist())
    return run_ids


def find_measuring_runs(store: ObjectStore, withdrawal_lists: Iterable[str]) -> set[str]:
    """Return the runs that measured what applied policies withdrew, by the keys of the policies' lists."""

    def read_runs(key: str) -> set[str]:
        rows = parse_table(key, store.read(key), columns=["run_id"])
        return set(rows["run_id"].unique().drop_null().to_pylist())

    run_ids: set[str] = set()
    return run_ids.union(*concurrent_map(store, read_runs, sorted(withdrawal_lists)))


def _attempt_key_prefixes(requests: pa.Table | pa.RecordBatch, count_column: str) -> Iterator[bytes]:
    """Yield the image key of each attempt of each request, cut to 16 bytes; `count_column` says how many there are."""
    columns = (requests[name].to_pylist() for name in ("request_key", count_column))
    for key, attempts in zip(*columns, strict=True):
        for attempt in range(attempts or 0):
            yield bytes.fromhex(image_key(key.hex(), attempt))[:DIGEST_BYTES]
