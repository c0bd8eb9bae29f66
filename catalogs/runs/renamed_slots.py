"""Renamed slots: live slots whose SKU was read as an exponent, and which get the name that the catalogue means.

Inputs: a plan's renamed slots, and the live rows of one manifest version. Outputs: the live rows as if the rename had
been made, so that a batch is compared with them as with any other, and the rows of the commit that makes it. The image,
its object and its run stay: nothing is generated, and the old name does not count as retired.

A slot whose image has moved since the plan is not renamed; a later run finds it again. Where the right name is live
too, the row under the exponent is only dropped.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TypedDict

import pyarrow as pa

from catalogs.table_rows import ManifestChangeRow, ManifestRow


class RenamedSlotRow(TypedDict):
    """A row of RENAMED_SLOTS."""

    slot_id: bytes
    sku: str
    live_slot_id: bytes
    live_file_sha: bytes
    kept: bool


def apply_renames(renamed: pa.Table, live: Mapping[bytes, ManifestRow]) -> dict[bytes, ManifestRow]:
    """Return the live rows with each renamed slot under its new id too; the rows under the old ids stay."""
    rows = dict(live)
    for rename in _valid_renames(renamed, live):
        if rename["slot_id"] not in live:
            row = live[rename["live_slot_id"]]
            rows[rename["slot_id"]] = {**row, "slot_id": rename["slot_id"], "sku": rename["sku"]}
    return rows


def rename_changes(
    renamed: pa.Table, live: Mapping[bytes, ManifestRow], written: Collection[bytes]
) -> Iterator[ManifestChangeRow]:
    """Yield the rows that rename; `live` comes from `apply_renames`, and slots in `written` have a row already."""
    for rename in _valid_renames(renamed, live):
        row = live[rename["slot_id"]]
        if rename["slot_id"] not in written and row["object"] == live[rename["live_slot_id"]]["object"]:
            yield {**row, "_op": "put"}
        if not rename["kept"]:
            yield {**live[rename["live_slot_id"]], "_op": "drop"}


def _valid_renames(renamed: pa.Table, live: Mapping[bytes, ManifestRow]) -> Iterator[RenamedSlotRow]:
    rows: list[RenamedSlotRow] = renamed.to_pylist()
    for rename in rows:
        row = live.get(rename["live_slot_id"])
        if row is not None and row["file_sha"] == rename["live_file_sha"]:
            yield rename
