"""Stage usage: how many live images stand on a stage.

Inputs: a store's manifests, digests of stages. Outputs: counts. It reads one column of every catalogue's live rows.
"""

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from infra.interfaces import ObjectStore, TableStore
from tasks.runs.release_history import list_catalogues

_STAGE = r'"stage":"(?P<stage>[0-9a-f]{64})"'
"""Where the canonical JSON of a `KeptResult` holds it: 500,000 are not parsed one by one."""


def count_live_images(store: ObjectStore, tables: TableStore, sha256s: Iterable[str]) -> Counter[str]:
    """Return by stage how many images of the newest releases stand on it, 0 for one that none does."""
    counts: Counter[str] = Counter(dict.fromkeys(sha256s, 0))
    for catalogue in list_catalogues(store):
        for batch in tables.batches(layout.manifest_table(catalogue), ("kept",)):
            found = pc.struct_field(pc.extract_regex(batch.column("kept").cast(pa.string()), _STAGE), "stage")
            for entry in pc.value_counts(found.drop_null()).to_pylist():
                if entry["values"] in counts:
                    counts[entry["values"]] += entry["counts"]
    return counts
