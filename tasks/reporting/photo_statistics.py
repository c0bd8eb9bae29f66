"""Photo statistics: what a report says of slots that keep products of photos: modes, refusals, photos of several SKUs.

Inputs: the batch's decisions, the tables. Outputs: the fields of `ReportPhotos`; a `SharedPhotos`. The manifest is read
(two columns) only where the batch itself keeps products of photos, so that no other run pays for it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.photos.photo_sentences import is_photo_reason
from catalogs.photos.repeated_photos import SharedPhotos, find_shared_photos
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import SlotState
from catalogs.table_schemas import MANIFEST
from infra.interfaces import TableStore

_COLUMNS = pa.schema([MANIFEST.field(name) for name in ("photo_sha", "sku")])
_MODE = r'"mode":"(?P<mode>[a-z]{1,20})"'
"""In the canonical JSON of a `KeptResult`: read without parsing a batch's documents."""


def summarize_photos(decisions: pa.Table, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the slots that are published with a kept product by mode, and those refused because of a photo."""
    if "kept" not in decisions.column_names:  # a batch of an older version
        return {}
    published = decisions.filter(pc.equal(decisions["state"], SlotState.PUBLISH))
    modes = Counter(pc.struct_field(pc.extract_regex(published["kept"].drop_null(), _MODE), "mode").to_pylist())
    others = decisions.filter(pc.not_equal(decisions["state"], SlotState.PUBLISH))
    counted = pc.value_counts(pc.list_flatten(others["reasons"])).to_pylist()
    refused = {one["values"]: one["counts"] for one in counted if is_photo_reason(one["values"] or "")}
    if not modes and not refused and not notes:
        return {}
    return {
        "kept": dict(sorted((mode or "unknown", count) for mode, count in modes.items())),
        "refused": dict(sorted(refused.items(), key=lambda item: (-item[1], item[0]))),
        "notes": list(notes),
    }


def read_shared_photos(tables: TableStore, batch: ReleaseBatch) -> SharedPhotos:
    """Return the photos that several SKUs of the release show."""
    table = layout.manifest_table(batch.catalogue)
    if batch.decisions["kept"].null_count == batch.decisions.num_rows or tables.version(table) is None:
        return SharedPhotos()
    return find_shared_photos(pa.Table.from_batches(tables.batches(table, _COLUMNS), _COLUMNS))
