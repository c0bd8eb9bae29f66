"""Replaced slots: live images of another variant, which go in the commit that publishes the SKU's variant of now.

Inputs: a plan's replaced slots, the live rows of one manifest version, and the slots that a commit publishes. Outputs:
the rows that take the old images down. A SKU whose variant moved (shares or names were edited) would show two images of
one view, or none while the new one waits. The old image stays until the new one is live, in runs of either scope, and
does not count as retired: the view is never empty.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TypedDict

import pyarrow as pa

from catalogs.table_rows import ManifestChangeRow, ManifestRow


class ReplacedSlotRow(TypedDict):
    """A row of REPLACED_SLOTS."""

    slot_id: bytes
    sku: str
    live_slot_id: bytes
    live_file_sha: bytes


def replacement_changes(
    replaced: pa.Table, live: Mapping[bytes, ManifestRow], published: Collection[bytes]
) -> Iterator[ManifestChangeRow]:
    """Yield the rows that drop an old variant's image: those whose new slot is published by this commit, or is live."""
    rows: list[ReplacedSlotRow] = replaced.to_pylist()
    for row in rows:
        old = live.get(row["live_slot_id"])
        is_shown = row["slot_id"] in published or row["slot_id"] in live
        if old is not None and old["file_sha"] == row["live_file_sha"] and is_shown:
            yield {**old, "_op": "drop"}
