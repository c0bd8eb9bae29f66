"""Missing fingerprints: images that are live and that no file under `codes/` describes.

Inputs: a catalogue and the slots whose image has no fingerprint. Outputs: a file of fingerprints for them, and counts.
`codes/` may be swept or lost, and a renamed slot has no row of its own there. The records of the runs that made the
images hold the fingerprints; where they are gone, the published file is read and measured again. An image whose file is
gone too gets a row without fingerprint, so that its pixels are still compared.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import table_row_digests
from catalogs.keys import SHORT_DIGEST_LENGTH, digest
from catalogs.table_schemas import FINGERPRINTS, MANIFEST, RECORDS
from infra.errors import InvalidImage, ObjectMissing
from infra.imaging.codecs import decode
from infra.imaging.metrics.appearance import measure_appearance
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.staged_product import measure_staged_product
from infra.interfaces import ObjectStore, Pixels, TableStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import read_row_groups, write_table
from tasks.gates.near_duplicates import PublishedFingerprints
from tasks.gates.staged_products import find_product_alpha, is_staged

FINGERPRINTED_COLUMNS = pa.schema(
    [
        MANIFEST.field(name)
        for name in (
            "slot_id", "sku", "request_key", "pixel_sha", "object", "run_id", "finish_digest", "attempt", "kept",
        )
    ]
)  # fmt: skip
_RECORD_COLUMNS = ("request_key", "finish_digest", "attempt", "finished_sha", "fingerprint", "crop", "looks")

Row = dict[str, Any]


@dataclass(frozen=True)
class RestoredFingerprints:
    """How many fingerprints were found in records, measured anew, and not to be had."""

    recorded: int = 0
    measured: int = 0
    lost: int = 0

    def warnings(self) -> list[str]:
        """Return what the report says about them."""
        warnings = []
        if self.recorded or self.measured:
            warnings.append(
                f"{self.recorded + self.measured} × a live image had no fingerprint under codes/: restored before the"
                f" duplicates were judged ({self.recorded} from records, {self.measured} from the published files)"
            )
        if self.lost:
            warnings.append(
                f"{self.lost} × a live image has no fingerprint and its file is gone: only exact copies of it are found"
            )
        return warnings


def open_published(
    store: ObjectStore, tables: TableStore, catalogue: str, excluded_slots: pa.Array
) -> tuple[PublishedFingerprints, RestoredFingerprints]:
    """Return the fingerprints of what is live but in `excluded_slots`; first give each image one that has none."""
    published = PublishedFingerprints(store, tables, catalogue, excluded_slots)
    if not len(published.missing):
        return published, RestoredFingerprints()
    restored = restore_fingerprints(store, tables, catalogue, published.missing)
    return PublishedFingerprints(store, tables, catalogue, excluded_slots), restored


def restore_fingerprints(
    store: ObjectStore, tables: TableStore, catalogue: str, slot_ids: pa.Array
) -> RestoredFingerprints:
    """Write the fingerprints of these live slots into one file; the same slots and images give the same file."""
    rows = _read_live_rows(tables, catalogue, slot_ids)
    recorded, measured = _find_or_measure(store, rows)
    table = pa.Table.from_pylist([*recorded, *measured], schema=FINGERPRINTS)
    if table.num_rows:
        name = "restored-" + digest(table_row_digests(table, "slot_id", "pixel_sha").hex())[:SHORT_DIGEST_LENGTH]
        write_table(store, layout.fingerprints(catalogue, name), table)
    lost = sum(row["fingerprint"] is None for row in measured)
    return RestoredFingerprints(len(recorded), len(measured) - lost, lost)


def find_fingerprints(store: ObjectStore, rows: Sequence[Row]) -> list[Row]:
    """Return a row of FINGERPRINTS for each manifest row; nothing is written."""
    recorded, measured = _find_or_measure(store, rows)
    return [*recorded, *measured]


def _find_or_measure(store: ObjectStore, rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    rows_by_run: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        rows_by_run[row["run_id"]].append(row)
    recorded = [found for run_id, made in rows_by_run.items() for found in _find_recorded(store, run_id, made)]
    known = {row["slot_id"] for row in recorded}
    unrecorded = [row for row in rows if row["slot_id"] not in known]
    return recorded, list(concurrent_map(store, lambda row: _measure(store, row), unrecorded))


def _read_live_rows(tables: TableStore, catalogue: str, slot_ids: pa.Array) -> list[Row]:
    rows: list[Row] = []
    for batch in tables.batches(layout.manifest_table(catalogue), FINGERPRINTED_COLUMNS):
        rows += batch.filter(pc.is_in(batch.column("slot_id"), slot_ids)).to_pylist()
    return rows


def _find_recorded(store: ObjectStore, run_id: str, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the fingerprints of these rows that their run's records hold, if they are of the same pixels."""
    waiting: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        waiting[row["request_key"], row["finish_digest"], row["attempt"], row["pixel_sha"]].append(row)
    keys = pa.array({row["request_key"] for row in rows}, RECORDS.field("request_key").type)
    for record in read_row_groups(store, layout.RunFiles(run_id).records_prefix):
        if not set(_RECORD_COLUMNS) <= set(record.column_names):
            continue
        found = record.select(list(_RECORD_COLUMNS)).filter(pc.is_in(record["request_key"], keys))
        for measured in found.to_pylist():
            for row in waiting.pop(tuple(measured[name] for name in _RECORD_COLUMNS[:4]), ()):
                if measured["fingerprint"]:
                    yield _fingerprint_row(row, measured)


def _measure(store: ObjectStore, row: Row) -> Row:
    """Return a row's fingerprint, computed from the published file; without one where that is gone.

    Of a product on a stage it is the product's, by its mask: the frame's would be that of all products on the stage.
    """
    try:
        pixels = decode(store.read(row["object"]))
    except (ObjectMissing, InvalidImage):
        return _fingerprint_row(row, {})
    if is_staged(row.get("kept")):
        return _fingerprint_row(row, _measure_staged(store, row, pixels))
    fingerprint, _ = pdq(pixels)
    appearance = measure_appearance(pixels)
    crop, looks = (appearance.crop_fingerprint or None, appearance.values) if appearance else (None, None)
    return _fingerprint_row(row, {"fingerprint": fingerprint, "crop": crop, "looks": looks})


def _measure_staged(store: ObjectStore, row: Row, pixels: Pixels) -> Row:
    alpha = find_product_alpha(store, row["kept"])
    found = None if alpha is None or alpha.shape != pixels.shape[:2] else measure_staged_product(pixels, alpha)
    if found is None:
        return {}
    code, _, look = found
    return {"fingerprint": code, "crop": look.crop_fingerprint or None, "looks": look.values}


def _fingerprint_row(row: Row, measured: Mapping[str, Any]) -> Row:
    own = {name: row[name] for name in ("slot_id", "sku", "request_key", "pixel_sha")}
    return own | {name: measured.get(name) for name in ("fingerprint", "crop", "looks")}
