"""Publish a decided batch: write its objects, then make it visible by one manifest commit.

Inputs: a decided batch, and a signer or None. Outputs: a `Release`. Invariant: after a crash at any point, calling
`publish` again ends in one whole release, and nothing published is overwritten.

A staged file must be the screened one to the byte, without a part that the finish does not write; it is signed last,
written under its own sha, read back, and checked for its marks. Signed bytes differ at each signing, so what a run has
published is recorded before the commit, and a repetition uses it; objects that a crash left unrecorded are deleted by a
sweep. The batch is compared with the manifest at the very version that the commit builds on (see `CommitContext`): a
slot that another run has moved is left alone, and an image that was withdrawn meanwhile is not published.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.photos.kept_request import parse_kept_result
from catalogs.runs.release_batch import BatchTotals, PublishedFile, ReleaseBatch, compute_totals, manifest_changes
from catalogs.slot_states import SlotState
from catalogs.table_rows import PublishedDecisionRow
from catalogs.table_schemas import (
    ENDED_SLOTS,
    FINGERPRINTS,
    MANIFEST,
    PUBLISHED_FILES,
    REFRESHED_DIGESTS,
    RENAMED_SLOTS,
    REPLACED_SLOTS,
    RETIRED_SLOTS,
)
from infra.errors import ObjectMissing, ProvenanceMarkError, StagedImageLost, StoreError
from infra.imaging.jpeg_segments import find_foreign_part
from infra.interfaces import KeptOrigin, ObjectStore, Signer, TableStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups, read_table, write_table
from infra.tables.data_versions import newest_data_version
from infra.tables.idempotent_commit import commit_once
from tasks.gates.commit_context import CommitContext
from tasks.gates.required_marks import ALL_SIGNED, SIGNED_KEY, SourceMarkRequirements, find_mark_problems
from tasks.runs.deletion_marks import write_shared_object

IMMUTABLE_CACHE_CONTROL = "public, max-age=31536000, immutable"
"""Cache-Control of a published object: its name carries its sha, so a cache need never ask for it again."""


@dataclass(frozen=True)
class Release:
    """A release: the manifest's version, the one before, and the batch's totals and files at that commit.

    Both are versions that changed rows; they are the same where the batch changes none.
    """

    version: int
    previous: int
    sums: BatchTotals
    files: Mapping[bytes, PublishedFile]

    @property
    def visible_files(self) -> list[PublishedFile]:
        """Return the files that manifest rows name; those of superseded slots have no row."""
        return [file for slot, file in self.files.items() if slot not in self.sums.superseded]


def load_batch(store: ObjectStore, catalogue: str, run_id: str, decisions: pa.Table) -> ReleaseBatch:
    """Return a run's decisions with the rest of its plan."""
    files = layout.RunFiles(run_id)
    refreshed = read_table(store, files.refreshed, REFRESHED_DIGESTS)
    retired = read_table(store, files.retired, RETIRED_SLOTS)
    renamed = read_table(store, files.renamed, RENAMED_SLOTS)
    ended = read_table(store, files.ended, ENDED_SLOTS)
    replaced = read_table(store, files.replaced, REPLACED_SLOTS)
    plan = read_json(store, files.plan)
    versions = (plan["base_version"], plan.get("outcomes_version"))
    return ReleaseBatch(catalogue, run_id, decisions, refreshed, retired, renamed, *versions, replaced, ended)


def publish(
    store: ObjectStore,
    tables: TableStore,
    batch: ReleaseBatch,
    signer: Signer | None = None,
    check: Callable[[], None] | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
) -> Release:
    """Write the batch's objects (signed where there is a signer) and fingerprints, then commit its manifest rows.

    `check` raises where the run may not commit any more; it is asked just before the commit. `facts` is metadata that
    the commit carries for later runs.
    """
    files = read_published_files(store, batch.run_id)
    for rows in batch.published_decisions():
        files.update(write_objects(store, batch, rows, files, signer))
    write_fingerprints(store, batch)
    table = layout.manifest_table(batch.catalogue)
    tables.ensure(table, MANIFEST)
    now = store.now()

    def build(base: int) -> tuple[tuple[int, BatchTotals], pa.Table]:
        context = CommitContext.read(store, tables, batch, base)
        totals = context.compute_totals(batch)
        changes = manifest_changes(batch, files, context.live_rows, totals, now, context.channels)
        return (base, totals), changes

    metadata = {**facts, "run_id": batch.run_id, "kind": "release"}
    if files and all(file.signed for file in files.values()):
        metadata[SIGNED_KEY] = ALL_SIGNED
    (base, totals), version = commit_once(
        tables, table, batch.run_id, build, on=["slot_id"], metadata=metadata, after=batch.base_version, check=check
    )
    previous = newest_data_version(tables, table, at=base) or 0
    return Release(version if version > base else previous, previous, totals, files)


def preview_release(store: ObjectStore, tables: TableStore, batch: ReleaseBatch) -> Release:
    """Count the batch against the current manifest, without writing anything."""
    version = tables.version(layout.manifest_table(batch.catalogue))
    if version is None:
        return Release(0, 0, compute_totals(batch, {}), {})
    context = CommitContext.read(store, tables, batch, version, channels=False)
    current = newest_data_version(tables, layout.manifest_table(batch.catalogue), at=version) or 0
    return Release(current, current, context.compute_totals(batch), {})


def read_published_files(store: ObjectStore, run_id: str) -> dict[bytes, PublishedFile]:
    """Return slot id -> file of what earlier attempts of a run have published."""
    files: dict[bytes, PublishedFile] = {}
    for table in read_row_groups(store, layout.RunFiles(run_id).published_prefix):
        for slot, *values in zip(*(table[name].to_pylist() for name in PUBLISHED_FILES.names), strict=True):
            files[slot] = PublishedFile(*values)
    return files


def write_objects(
    store: ObjectStore,
    batch: ReleaseBatch,
    rows: list[PublishedDecisionRow],
    published: Mapping[bytes, PublishedFile],
    signer: Signer | None = None,
) -> dict[bytes, PublishedFile]:
    """Publish each row's image under its own sha, and record what was published; return slot id -> file.

    Raises `StagedImageLost` where the staged file is missing, or is not the screened one to the byte (it is then
    deleted, so that no later run takes it), unless the image is published already. Raises `ProvenanceMarkError` where a
    published object, as it is read back, does not carry its marks.
    """
    requirements = SourceMarkRequirements(store)

    def write(row: PublishedDecisionRow) -> tuple[bytes, PublishedFile]:
        file = published.get(row["slot_id"])
        if file is not None and _object_exists(store, file):
            return row["slot_id"], file
        source = requirements.is_required(batch.run_id, row["finish_digest"])
        return row["slot_id"], _publish_image(store, batch.catalogue, row, signer, source)

    files = dict(concurrent_map(store, write, rows))
    new_rows = [(slot, *vars(file).values()) for slot, file in files.items() if published.get(slot) != file]
    if new_rows:
        columns = zip(PUBLISHED_FILES.names, zip(*new_rows, strict=True), strict=True)
        table = pa.table({name: list(values) for name, values in columns}, schema=PUBLISHED_FILES)
        write_table(store, layout.RunFiles(batch.run_id).published(secrets.token_hex(8)), table)
    return files


def _publish_image(
    store: ObjectStore, catalogue: str, row: PublishedDecisionRow, signer: Signer | None, source_mark_required: bool
) -> PublishedFile:
    """Sign and write one image, and read it back; with `source_mark_required` it must carry the mark of its mode."""
    slot = (row["sku"], row["view"], row["variant"], row["index"])
    screened = _read_screened_or_discard(store, row)
    if screened is None:
        raise StagedImageLost(
            f"{_staged_key(row)} is missing, or is not the file that was screened: this run ends as superseded."
            " Give the same command again; it generates the image anew"
        )
    kept = _kept_origin(row)
    data = screened if signer is None else signer.sign(screened, layout.image_title(*slot), kept)
    sha = sha256(data)
    key = layout.published_image(catalogue, *slot, sha.hexdigest())
    write_shared_object(store, catalogue, key, data, content_type="image/jpeg", cache_control=IMMUTABLE_CACHE_CONTROL)
    stored = store.read(key)
    if sha256(stored).digest() != sha.digest():
        raise StoreError(f"{key} holds other bytes than were written; another writer overwrote a published object")
    # Apart from the C2PA manifest it is the screened file to the byte, so its pixels are the screened ones.
    signed = signer is not None
    required = {"source_required": source_mark_required, "signature_required": signed}
    problems = list(find_mark_problems(stored, **required, kept=kept))
    if problems:
        raise ProvenanceMarkError(f"{key} is not published: {', and '.join(problems)}; the release stays as it was")
    return PublishedFile(key, sha.digest(), len(data), signer is not None)


def _kept_origin(row: PublishedDecisionRow) -> KeptOrigin | None:
    if not row["kept"]:
        return None
    kept = parse_kept_result(row["kept"])
    return KeptOrigin(kept.mode, kept.photo)


def _staged_key(row: PublishedDecisionRow) -> str:
    return layout.finished_image(row["image_key"].hex(), row["finish_digest"])


def _read_screened_or_discard(store: ObjectStore, row: PublishedDecisionRow) -> bytes | None:
    """Return the staged file if it is the screened one to the byte, with nothing foreign in it; delete any other."""
    try:
        data = store.read(_staged_key(row))
    except ObjectMissing:
        return None
    if sha256(data).digest() == row["file_sha"] and find_foreign_part(data) is None:
        return data
    store.delete([_staged_key(row)])
    return None


def _object_exists(store: ObjectStore, file: PublishedFile) -> bool:
    try:
        return store.size(file.key) == file.size
    except ObjectMissing:
        return False


def write_fingerprints(store: ObjectStore, batch: ReleaseBatch) -> None:
    """Write the batch's fingerprints for later duplicate checks: before the commit, without which they are ignored."""
    published = batch.decisions.filter(pc.equal(batch.decisions["state"], SlotState.PUBLISH))
    if published.num_rows == 0:
        return
    columns = [
        published[name] for name in ("slot_id", "sku", "request_key", "finished_sha", "fingerprint", "crop", "looks")
    ]
    write_table(store, layout.fingerprints(batch.catalogue, batch.run_id), pa.table(columns, schema=FINGERPRINTS))
