"""Rows of a manifest, for the gallery's tests."""

from hashlib import sha256
from typing import Any

import pyarrow as pa

from catalogs.gallery.release_index import ReleaseIndex
from catalogs.gallery.release_index_builder import COLUMNS, ReleaseIndexBuilder
from catalogs.keys import slot_id
from catalogs.table_schemas import MANIFEST

SCHEMA = pa.schema([MANIFEST.field(name) for name in COLUMNS])
Row = dict[str, Any]


def row(sku: str, view: str = "front", variant: str = "a", index: int = 0, **columns: object) -> Row:
    """Return a row of the manifest in the index's columns; `file` stands for the file's content."""
    content = f"{sku} {view} {variant} {index} {columns.pop('file', 1)}"
    return {
        "slot_id": slot_id(sku, view, variant, index),
        "sku": sku,
        "view": view,
        "variant": variant,
        "index": index,
        "file_sha": sha256(content.encode()).digest(),
        "channels": [],
        "model": "z-image-turbo",
        "model_version": None,
        **columns,
    }


def index_of(*rows: Row, batch_rows: int = 3) -> ReleaseIndex:
    """Return the index of these rows, which come in small batches."""
    builder = ReleaseIndexBuilder()
    for start in range(0, len(rows), batch_rows):
        builder.add(pa.RecordBatch.from_pylist(list(rows[start : start + batch_rows]), schema=SCHEMA))
    return builder.build()
