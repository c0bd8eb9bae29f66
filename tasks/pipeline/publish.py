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
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.runs.release_batch import Batch, File, Sums, manifest_changes, sums_of
from catalogs.table_schemas import CODES, MANIFEST, PUBLISHED, REFRESHED, RETIRED
from infra.errors import MarkError, ObjectMissing, StagedLost, StoreError
from infra.interfaces import ObjectStore, TableStore
from infra.provenance.credentials import Signer
from infra.stores.concurrency import abreast
from infra.stores.parquet_objects import read_records, read_table, write_table
from infra.tables.idempotent_commit import commit_once
from tasks.gates.channel_eligibility import channels_of
from tasks.gates.required_marks import ALL, SIGNED, SourceMarks, wrong_marks
from tasks.gates.withdrawals import withdrawn_pictures

FOR_EVER = "public, max-age=31536000, immutable"
"""What caches are told of a published object, whose name carries its sha: it may be kept, and never asked for again."""


@dataclass(frozen=True)
class Release:
    """What the shop sees after a run: the manifest's version, the one before, and the batch's sums at that commit."""

    version: int
    previous: int
    sums: Sums
    files: Mapping[bytes, File]

    @property
    def shown(self) -> list[File]:
        """Return the files that its rows name: those of superseded slots are nobody's."""
        return [file for slot, file in self.files.items() if slot not in self.sums.superseded]


def load_batch(store: ObjectStore, catalogue: str, run_id: str, decisions: pa.Table) -> Batch:
    """Return a run's decisions with the rest of its plan."""
    refreshed = read_table(store, layout.run_file(run_id, "refreshed.parquet"), REFRESHED)
    retired = read_table(store, layout.run_file(run_id, "retired.parquet"), RETIRED)
    return Batch(catalogue, run_id, decisions, refreshed, retired)


def publish(store: ObjectStore, tables: TableStore, batch: Batch, signer: Signer | None = None) -> Release:
    """Write the batch's objects (signed, where there is a signer) and fingerprints, then commit its manifest rows."""
    files = published_before(store, batch.run_id)
    for rows in batch.of_state("publish"):
        files.update(write_objects(store, batch, rows, files, signer))
    write_codes(store, batch)
    table = layout.manifest(batch.catalogue)
    tables.ensure(table, MANIFEST)
    now = datetime.now(UTC)

    def build(base: int) -> tuple[tuple[int, Sums], pa.Table]:
        live = live_rows(tables, table, batch.slot_ids, base)
        sums = sums_of(batch, live, withdrawn_pictures(store, tables, batch, base))
        channels = channels_of(store, batch, live)
        return (base, sums), manifest_changes(batch, files, live, sums, now, channels)

    words = {"run_id": batch.run_id, "kind": "release"}
    if files and all(file.signed for file in files.values()):
        words[SIGNED] = ALL
    (base, sums), version = commit_once(tables, table, batch.run_id, build, on=["slot_id"], words=words)
    return Release(version, base, sums, files)


def would_be(store: ObjectStore, tables: TableStore, batch: Batch) -> Release:
    """Count the batch against what is live now, without writing anything."""
    table = layout.manifest(batch.catalogue)
    version = tables.version(table)
    if version is None:
        return Release(0, 0, sums_of(batch, {}), {})
    live = live_rows(tables, table, batch.slot_ids, version)
    return Release(version, version, sums_of(batch, live, withdrawn_pictures(store, tables, batch, version)), {})


def published_before(store: ObjectStore, run_id: str) -> dict[bytes, File]:
    """Return slot -> file of what earlier tries of a run have published."""
    found: dict[bytes, File] = {}
    for table in read_records(store, layout.run_published(run_id)):
        for slot, *values in zip(*(table[name].to_pylist() for name in PUBLISHED.names), strict=True):
            found[slot] = File(*values)
    return found


def write_objects(
    store: ObjectStore,
    batch: Batch,
    rows: list[dict[str, Any]],
    before: Mapping[bytes, File],
    signer: Signer | None = None,
) -> dict[bytes, File]:
    """Publish each row's picture under its own sha, and write down what was published; return slot -> file.

    The staged file must be the one that was judged, to the byte. Raises `StagedLost` where it is gone or another one,
    which is then deleted, so that nobody finds it again; unless the picture is published already. Raises `MarkError`
    where a published object, as it is read back, does not carry its marks.
    """
    owed = SourceMarks(store)

    def write(row: Mapping[str, Any]) -> tuple[bytes, File]:
        file = before.get(row["slot_id"])
        if file is not None and _is_there(store, file):
            return row["slot_id"], file
        source = owed.wanted(batch.run_id, row["finish_digest"])
        return row["slot_id"], _publish_one(store, batch.catalogue, row, signer, source)

    files = dict(abreast(store, write, rows))
    made = [(slot, *vars(file).values()) for slot, file in files.items() if before.get(slot) != file]
    if made:
        columns = zip(PUBLISHED.names, zip(*made, strict=True), strict=True)
        table = pa.table({name: list(values) for name, values in columns}, schema=PUBLISHED)
        write_table(store, layout.run_published(batch.run_id, secrets.token_hex(8)), table)
    return files


def _publish_one(
    store: ObjectStore, catalogue: str, row: Mapping[str, Any], signer: Signer | None, source: bool
) -> File:
    """Sign and write one picture, and read it back. `source`: it must carry the IPTC mark."""
    place = (row["sku"], row["view"], row["variant"], row["index"])
    judged = _judged(store, row)
    if judged is None:
        raise StagedLost(
            f"{_staged(row)} is gone, or is not the file that was judged: this run ends as superseded."
            " Give the same command again; it makes the picture anew"
        )
    data = judged if signer is None else signer.sign(judged, layout.picture_title(*place))
    sha = sha256(data)
    key = layout.published_image(catalogue, *place, sha.hexdigest())
    store.write_once(key, data, content_type="image/jpeg", cache_control=FOR_EVER)
    there = store.read(key)
    if sha256(there).digest() != sha.digest():
        raise StoreError(f"{key} holds other bytes than it was written with; somebody wrote over a published object")
    # But for the manifest it is the judged file to the byte, so its pixels are the judged ones.
    wrong = list(wrong_marks(there, source=source, signed=signer is not None))
    if wrong:
        raise MarkError(f"{key} is not published, since {', and '.join(wrong)}; the release stays as it was")
    return File(key, sha.digest(), len(data), signer is not None)


def _staged(row: Mapping[str, Any]) -> str:
    return layout.finished_image(row["image_key"].hex(), row["finish_digest"])


def _judged(store: ObjectStore, row: Mapping[str, Any]) -> bytes | None:
    """Return the staged file if it is the one that was judged; another is deleted."""
    try:
        data = store.read(_staged(row))
    except ObjectMissing:
        return None
    if sha256(data).digest() == row["file_sha"]:
        return data
    store.delete([_staged(row)])
    return None


def _is_there(store: ObjectStore, file: File) -> bool:
    try:
        return store.size(file.key) == file.size
    except ObjectMissing:
        return False


def write_codes(store: ObjectStore, batch: Batch) -> None:
    """Keep the batch's fingerprints for later duplicate checks: before the commit, and worth nothing without it."""
    kept = batch.decisions.filter(pc.equal(batch.decisions["state"], "publish"))
    if kept.num_rows == 0:
        return
    columns = [kept[name] for name in ("slot_id", "sku", "request_key", "finished_sha", "fingerprint", "crop", "looks")]
    write_table(store, layout.codes(batch.catalogue, batch.run_id), pa.table(columns, schema=CODES))


def live_rows(tables: TableStore, table: str, slot_ids: pa.Array, version: int) -> dict[bytes, dict[str, Any]]:
    """Return the manifest rows of these slots at one version."""
    found: dict[bytes, dict[str, Any]] = {}
    for rows in tables.batches(table, MANIFEST.names, version=version):
        for row in rows.filter(pc.is_in(rows.column("slot_id"), slot_ids)).to_pylist():
            found[row["slot_id"]] = row
    return found
