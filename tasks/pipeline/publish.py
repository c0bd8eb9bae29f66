"""Make a batch visible: objects first, then one manifest commit.

Comes in: a decided batch, and who signs it. Goes out: a `Release`. A staged file that is the judged one to the byte is
signed last, written under its own sha, read back and asked for its marks; nothing is overwritten. Signed bytes are
never the same again, so what a run has published is written down before the commit, and a repetition uses it; what a
crash left without a name is the sweep's. The manifest is compared, at the very version that the commit builds on, with
what the batch was planned against, so a slot that somebody else has moved is left alone, and a picture that was
withdrawn meanwhile stays away. Calling it again after a crash at any point ends in one whole release.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.runs.release_batch import BatchTotals, PublishedFile, ReleaseBatch, compute_totals, manifest_changes
from catalogs.slot_states import SlotState
from catalogs.table_rows import ManifestRow, PublishedDecisionRow
from catalogs.table_schemas import FINGERPRINTS, MANIFEST, PUBLISHED_FILES, REFRESHED_DIGESTS, RETIRED_SLOTS
from infra.errors import ObjectMissing, ProvenanceMarkError, StagedImageLost, StoreError
from infra.interfaces import ObjectStore, Signer, TableStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import read_row_groups, read_table, write_table
from infra.tables.idempotent_commit import commit_once
from tasks.gates.channel_eligibility import evaluate_batch_channels
from tasks.gates.required_marks import ALL_SIGNED, SIGNED_KEY, SourceMarkRequirements, find_mark_problems
from tasks.gates.withdrawals import find_withdrawn_images

IMMUTABLE_CACHE_CONTROL = "public, max-age=31536000, immutable"
"""What caches are told of a published object, whose name carries its sha: it may be kept, and never asked for again."""


@dataclass(frozen=True)
class Release:
    """What the shop sees after a run: the manifest's version, the one before, and the batch's sums at that commit."""

    version: int
    previous: int
    sums: BatchTotals
    files: Mapping[bytes, PublishedFile]

    @property
    def visible_files(self) -> list[PublishedFile]:
        """Return the files that its rows name: those of superseded slots are nobody's."""
        return [file for slot, file in self.files.items() if slot not in self.sums.superseded]


def load_batch(store: ObjectStore, catalogue: str, run_id: str, decisions: pa.Table) -> ReleaseBatch:
    """Return a run's decisions with the rest of its plan."""
    refreshed = read_table(store, layout.RunFiles(run_id).refreshed, REFRESHED_DIGESTS)
    retired = read_table(store, layout.RunFiles(run_id).retired, RETIRED_SLOTS)
    return ReleaseBatch(catalogue, run_id, decisions, refreshed, retired)


def publish(store: ObjectStore, tables: TableStore, batch: ReleaseBatch, signer: Signer | None = None) -> Release:
    """Write the batch's objects (signed, where there is a signer) and fingerprints, then commit its manifest rows."""
    files = read_published_files(store, batch.run_id)
    for rows in batch.published_decisions():
        files.update(write_objects(store, batch, rows, files, signer))
    write_fingerprints(store, batch)
    table = layout.manifest_table(batch.catalogue)
    tables.ensure(table, MANIFEST)
    now = datetime.now(UTC)

    def build(base: int) -> tuple[tuple[int, BatchTotals], pa.Table]:
        live = read_live_rows(tables, table, batch.slot_ids, base)
        sums = compute_totals(batch, live, find_withdrawn_images(store, tables, batch, base))
        channels = evaluate_batch_channels(store, batch, live)
        return (base, sums), manifest_changes(batch, files, live, sums, now, channels)

    words = {"run_id": batch.run_id, "kind": "release"}
    if files and all(file.signed for file in files.values()):
        words[SIGNED_KEY] = ALL_SIGNED
    (base, sums), version = commit_once(tables, table, batch.run_id, build, on=["slot_id"], metadata=words)
    return Release(version, base, sums, files)


def preview_release(store: ObjectStore, tables: TableStore, batch: ReleaseBatch) -> Release:
    """Count the batch against what is live now, without writing anything."""
    table = layout.manifest_table(batch.catalogue)
    version = tables.version(table)
    if version is None:
        return Release(0, 0, compute_totals(batch, {}), {})
    live = read_live_rows(tables, table, batch.slot_ids, version)
    return Release(
        version, version, compute_totals(batch, live, find_withdrawn_images(store, tables, batch, version)), {}
    )


def read_published_files(store: ObjectStore, run_id: str) -> dict[bytes, PublishedFile]:
    """Return slot -> file of what earlier tries of a run have published."""
    found: dict[bytes, PublishedFile] = {}
    for table in read_row_groups(store, layout.RunFiles(run_id).published_prefix):
        for slot, *values in zip(*(table[name].to_pylist() for name in PUBLISHED_FILES.names), strict=True):
            found[slot] = PublishedFile(*values)
    return found


def write_objects(
    store: ObjectStore,
    batch: ReleaseBatch,
    rows: list[PublishedDecisionRow],
    published: Mapping[bytes, PublishedFile],
    signer: Signer | None = None,
) -> dict[bytes, PublishedFile]:
    """Publish each row's picture under its own sha, and write down what was published; return slot -> file.

    The staged file must be the one that was judged, to the byte. Raises `StagedImageLost` where it is gone or another
    one, which is then deleted, so that nobody finds it again; unless the picture is published already. Raises
    `ProvenanceMarkError` where a published object, as it is read back, does not carry its marks.
    """
    owed = SourceMarkRequirements(store)

    def write(row: PublishedDecisionRow) -> tuple[bytes, PublishedFile]:
        file = published.get(row["slot_id"])
        if file is not None and _object_exists(store, file):
            return row["slot_id"], file
        source = owed.is_required(batch.run_id, row["finish_digest"])
        return row["slot_id"], _publish_image(store, batch.catalogue, row, signer, source)

    files = dict(concurrent_map(store, write, rows))
    made = [(slot, *vars(file).values()) for slot, file in files.items() if published.get(slot) != file]
    if made:
        columns = zip(PUBLISHED_FILES.names, zip(*made, strict=True), strict=True)
        table = pa.table({name: list(values) for name, values in columns}, schema=PUBLISHED_FILES)
        write_table(store, layout.RunFiles(batch.run_id).published(secrets.token_hex(8)), table)
    return files


def _publish_image(
    store: ObjectStore, catalogue: str, row: PublishedDecisionRow, signer: Signer | None, source_mark_required: bool
) -> PublishedFile:
    """Sign and write one picture, and read it back. `source`: it must carry the IPTC mark."""
    place = (row["sku"], row["view"], row["variant"], row["index"])
    judged = _read_screened_or_discard(store, row)
    if judged is None:
        raise StagedImageLost(
            f"{_staged_key(row)} is gone, or is not the file that was judged: this run ends as superseded."
            " Give the same command again; it makes the picture anew"
        )
    data = judged if signer is None else signer.sign(judged, layout.image_title(*place))
    sha = sha256(data)
    key = layout.published_image(catalogue, *place, sha.hexdigest())
    store.write_once(key, data, content_type="image/jpeg", cache_control=IMMUTABLE_CACHE_CONTROL)
    there = store.read(key)
    if sha256(there).digest() != sha.digest():
        raise StoreError(f"{key} holds other bytes than it was written with; somebody wrote over a published object")
    # But for the manifest it is the judged file to the byte, so its pixels are the judged ones.
    wrong = list(find_mark_problems(there, source_required=source_mark_required, signature_required=signer is not None))
    if wrong:
        raise ProvenanceMarkError(f"{key} is not published, since {', and '.join(wrong)}; the release stays as it was")
    return PublishedFile(key, sha.digest(), len(data), signer is not None)


def _staged_key(row: PublishedDecisionRow) -> str:
    return layout.finished_image(row["image_key"].hex(), row["finish_digest"])


def _read_screened_or_discard(store: ObjectStore, row: PublishedDecisionRow) -> bytes | None:
    """Return the staged file if it is the one that was judged; another is deleted."""
    try:
        data = store.read(_staged_key(row))
    except ObjectMissing:
        return None
    if sha256(data).digest() == row["file_sha"]:
        return data
    store.delete([_staged_key(row)])
    return None


def _object_exists(store: ObjectStore, file: PublishedFile) -> bool:
    try:
        return store.size(file.key) == file.size
    except ObjectMissing:
        return False


def write_fingerprints(store: ObjectStore, batch: ReleaseBatch) -> None:
    """Keep the batch's fingerprints for later duplicate checks: before the commit, and worth nothing without it."""
    kept = batch.decisions.filter(pc.equal(batch.decisions["state"], SlotState.PUBLISH))
    if kept.num_rows == 0:
        return
    columns = [kept[name] for name in ("slot_id", "sku", "request_key", "finished_sha", "fingerprint", "crop", "looks")]
    write_table(store, layout.fingerprints(batch.catalogue, batch.run_id), pa.table(columns, schema=FINGERPRINTS))


def read_live_rows(tables: TableStore, table: str, slot_ids: pa.Array, version: int) -> dict[bytes, ManifestRow]:
    """Return the manifest rows of these slots at one version."""
    found: dict[bytes, ManifestRow] = {}
    for rows in tables.batches(table, MANIFEST.names, version=version):
        for row in rows.filter(pc.is_in(rows.column("slot_id"), slot_ids)).to_pylist():
            found[row["slot_id"]] = row
    return found
