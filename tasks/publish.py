"""Make a batch visible: objects first, then one manifest commit.

Comes in: a decided batch. Goes out: a `Release`. Objects are named by their own sha and never overwritten. The manifest
is compared, at the very version that the commit builds on, with what the batch was planned against, so a slot that
somebody else has moved is left alone, and a picture that was withdrawn meanwhile stays away. Calling it again after a
crash at any point ends in the same release.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.batch import Batch, File, Sums, manifest_changes, sums_of
from catalogs.schemas import CODES, MANIFEST, REFRESHED, RETIRED
from infra.errors import ObjectMissing, StagedLost, StoreError
from infra.interfaces import ObjectStore, TableStore
from infra.parquet import read_table, write_table
from infra.stores.abreast import abreast
from infra.tables.once import commit_once
from tasks.withdrawn import withdrawn_pictures

FOR_EVER = "public, max-age=31536000, immutable"
"""What caches are told of a published object, whose name carries its sha: it may be kept, and never asked for again."""


@dataclass(frozen=True)
class Release:
    """What the shop sees after a run: the manifest's version, the one before, and the batch's sums at that commit."""

    version: int
    previous: int
    sums: Sums
    files: Mapping[bytes, File]


def load_batch(store: ObjectStore, catalogue: str, run_id: str, decisions: pa.Table) -> Batch:
    """Return a run's decisions with the rest of its plan."""
    refreshed = read_table(store, layout.run_file(run_id, "refreshed.parquet"), REFRESHED)
    retired = read_table(store, layout.run_file(run_id, "retired.parquet"), RETIRED)
    return Batch(catalogue, run_id, decisions, refreshed, retired)


def publish(store: ObjectStore, tables: TableStore, batch: Batch) -> Release:
    """Write the batch's objects and fingerprints, then commit its manifest rows."""
    files: dict[bytes, File] = {}
    for rows in batch.of_state("publish"):
        files.update(write_objects(store, batch, rows))
    write_codes(store, batch)
    table = layout.manifest(batch.catalogue)
    tables.ensure(table, MANIFEST)
    now = datetime.now(UTC)

    def build(base: int) -> tuple[tuple[int, Sums], pa.Table]:
        live = live_rows(tables, table, batch.slot_ids, base)
        sums = sums_of(batch, live, withdrawn_pictures(store, tables, batch, base))
        return (base, sums), manifest_changes(batch, files, live, sums, now)

    words = {"run_id": batch.run_id, "kind": "release"}
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


def write_objects(store: ObjectStore, batch: Batch, rows: list[dict[str, Any]]) -> dict[bytes, File]:
    """Publish each row's picture under its own sha; return slot -> file.

    The staged file must be the one that was judged, to the byte. Raises `StagedLost` where it is gone or another one,
    which is then deleted, so that nobody finds it again; unless the picture is published already.
    """

    def write(row: Mapping[str, Any]) -> tuple[bytes, File]:
        place = (batch.catalogue, row["sku"], row["view"], row["variant"], row["index"])
        sha = row["file_sha"]
        key = layout.published_image(*place, sha.hex())
        data = _judged(store, row)
        if data is None:
            if not _is_there(store, key, row["file_bytes"]):
                raise StagedLost(
                    f"{_staged(row)} is gone, or is not the file that was judged: this run ends as superseded."
                    " Give the same command again; it makes the picture anew"
                )
            return row["slot_id"], File(key, sha)
        made = store.write_once(key, data, content_type="image/jpeg", cache_control=FOR_EVER)
        if not made and store.size(key) != len(data):
            raise StoreError(f"{key} has another size than it was written with; somebody wrote over a published object")
        return row["slot_id"], File(key, sha)

    return dict(abreast(store, write, rows))


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


def _is_there(store: ObjectStore, key: str, size: int) -> bool:
    try:
        return store.size(key) == size
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
