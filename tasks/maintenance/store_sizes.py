"""Store sizes: files and bytes of each kind of object (`catalogs.retention_classes`).

Inputs: a store. Outputs: sizes by kind, and the document that a sweep leaves, so that a report can show them without
listing the store again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalogs import layout
from catalogs.retention_classes import RETENTION_CLASSES, RetentionClass
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import write_json


@dataclass(frozen=True)
class KindSize:
    """How many objects of a kind there are, and their bytes together."""

    kind: str
    files: int
    bytes: int


def measure_store(store: ObjectStore) -> list[KindSize]:
    """Return the size of each kind that there is, the largest first. Lists the store once, side by side by kind."""
    sizes = concurrent_map(store, lambda kind: _measure(store, kind), RETENTION_CLASSES)
    return sorted((size for size in sizes if size.files), key=lambda size: -size.bytes)


def record_sizes(store: ObjectStore) -> None:
    """Measure the store, and leave the sizes for reports."""
    kinds = size_document(measure_store(store))
    write_json(store, layout.STORE_SIZES, {"measured_at": store.now().isoformat(), "kinds": kinds})


def _measure(store: ObjectStore, kind: RetentionClass) -> KindSize:
    files = size = 0
    for info in store.list(kind.prefix):
        files, size = files + 1, size + info.size
    return KindSize(kind.name, files, size)


def size_document(sizes: Iterable[KindSize]) -> dict[str, Any]:
    """Return plain values for `--json`."""
    return {size.kind: {"files": size.files, "bytes": size.bytes} for size in sizes}
