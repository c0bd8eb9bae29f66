"""Photo index: which photos of a catalogue changed since they were read, without reading any.

Inputs: the index (reference, version, sha256, when it was looked at), a listing of the places where photos lie, the
references of a catalogue, the time. Outputs: for each reference whether its sha256 is known, whether it must be read,
or whether it is missing; a new index with what was read. All are pure functions over Arrow tables, for catalogues of
500,000 photos; `load_index` and `save_index` alone touch a store.
Invariants: an unchanged photo of a folder or bucket costs its share of a listing and nothing else. A photo on the web
has no listing: it is asked for again, by its version, after some days, spread over the second half of them so that a
catalogue read in one night is not asked for in one night. A file that was refused is read again after as long, since
another version may read more kinds. The index is a cache: without it every photo is read again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.interfaces.objects import ObjectInfo, ObjectStore
from infra.stores.parquet_objects import read_table, write_table

KNOWN, READ, MISSING = "known", "read", "missing"
"""States of a reference: its sha256 is known, it must be read, no listing names it."""

PHOTO_INDEX: Final = pa.schema(
    [
        pa.field("reference", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("sha256", pa.binary(32), nullable=False),
        pa.field("looked_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("refusal", pa.string()),
    ]
)
"""One row a reference; `version` is empty where a photo has none, and such a photo is read in every run.

`reason` and `refusal` (a sentence) say why the file of this version is no photo that can be used; null for the others.
"""
LISTING: Final = pa.schema(
    [pa.field("reference", pa.string(), nullable=False), pa.field("version", pa.string(), nullable=False)]
)
LOOKUP: Final = pa.schema(
    [
        pa.field("reference", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("sha256", pa.binary(32)),
        pa.field("version", pa.string(), nullable=False),
        pa.field("earlier", pa.binary(32)),
        pa.field("reason", pa.string()),
        pa.field("refusal", pa.string()),
    ]
)
"""`sha256`, or `reason` and `refusal`, are set where the state is known. `version` is the known one, for a conditional
request, and `earlier` the sha256 that the index has for it, whatever the state; of a refused file it has none."""

_HTTPS = "https://"
_EARLIEST_SHARE = 0.5
_LISTING_BATCH = 16_384


def list_photos(beginning: str, infos: Iterable[ObjectInfo]) -> pa.Table:
    """Return a root's objects as `LISTING`; `beginning` is that of the root's references.

    A file whose name is no UTF-8 is left out: no catalogue can name it.
    """
    batches, rest = [LISTING.empty_table()], iter(infos)
    while chunk := list(islice(rest, _LISTING_BATCH)):
        named = [(beginning + info.key, info.version) for info in chunk if info.key.isascii() or _is_utf8(info.key)]
        references, versions = ([pair[column] for pair in named] for column in (0, 1))
        batches.append(pa.table([references, versions], schema=LISTING))
    return pa.concat_tables(batches)


def look_up(index: pa.Table, listing: pa.Table, wanted: Any, now: datetime, recheck: timedelta) -> pa.Table:
    """Return the state of each wanted reference (an Arrow array of canonical texts), in order, as `LOOKUP`."""
    wanted = _one_chunk(wanted)
    row = pc.index_in(wanted, value_set=_one_chunk(index["reference"]))
    reason = _take(index["reason"], row)
    is_usable = pc.is_null(reason)
    listed_version = _take(listing["version"], pc.index_in(wanted, value_set=_one_chunk(listing["reference"])))
    is_web = pc.starts_with(wanted, _HTTPS)
    is_same = pc.fill_null(pc.equal(listed_version, _take(index["version"], row)), False)
    is_fresh = pc.fill_null(pc.invert(_take(_due(index, now, recheck), row)), False)
    is_known = pc.if_else(is_web, is_fresh, pc.and_(is_same, pc.or_(is_usable, is_fresh)))
    is_missing = pc.and_(pc.invert(is_web), pc.is_null(listed_version))
    state = pc.if_else(is_known, KNOWN, pc.if_else(is_missing, MISSING, READ))
    earlier = _take(index["sha256"], _where(is_usable, row))
    version = pc.fill_null(_take(index["version"], _where(is_usable, row)), "")
    sha256 = _take(index["sha256"], _where(pc.and_(is_known, is_usable), row))
    refusal = _take(index["refusal"], _where(is_known, row))
    columns = [wanted, state, sha256, version, earlier, _take(index["reason"], _where(is_known, row)), refusal]
    return pa.table(columns, schema=LOOKUP)


def with_rows(index: pa.Table, rows: pa.Table) -> pa.Table:
    """Return the index with these rows (one a reference) in the place of earlier ones; itself without any."""
    if not rows.num_rows:
        return index
    others = without_references(index, rows["reference"])
    return pa.concat_tables([others, rows.select(PHOTO_INDEX.names).cast(PHOTO_INDEX)])


def only_references(index: pa.Table, wanted: Any) -> pa.Table:
    """Return the index without references that the catalogue, read to its end, no longer names; itself if none is."""
    is_wanted = pc.is_in(index["reference"], value_set=_one_chunk(wanted))
    return index if pc.all(is_wanted, min_count=0).as_py() else index.filter(is_wanted)


def without_references(index: pa.Table, gone: Any) -> pa.Table:
    """Return the index without these references."""
    return index.filter(pc.invert(pc.is_in(index["reference"], value_set=_one_chunk(gone))))


def load_index(store: ObjectStore, key: str) -> pa.Table:
    """Return the index of a catalogue; a missing one is empty. Raises `StoreError`."""
    return read_table(store, key, PHOTO_INDEX)


def save_index(store: ObjectStore, key: str, index: pa.Table) -> None:
    """Replace the index of a catalogue, in the order of references, which compresses best. Raises `StoreError`."""
    write_table(store, key, index.sort_by("reference"))


def _due(index: pa.Table, now: datetime, recheck: timedelta) -> Any:
    """Tell for each row whether a photo on the web is asked for again; a row's digest says when in the second half."""
    digests = _one_chunk(index["sha256"])
    values = np.frombuffer(digests.buffers()[1] or b"", np.uint8)[32 * digests.offset :][: 32 * len(digests)]
    share = values.reshape(-1, 32)[:, 0].astype(np.float64) / 256
    looked_at = np.asarray(_one_chunk(index["looked_at"]).cast(pa.int64()))
    waits = recheck / timedelta(microseconds=1) * (_EARLIEST_SHARE + (1 - _EARLIEST_SHARE) * share)
    return pa.array(looked_at + waits <= now.timestamp() * 1e6)


def _is_utf8(name: str) -> bool:
    """Tell whether a name can be written as UTF-8; Python keeps a folder's other bytes as lone surrogates."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _where(condition: Any, rows: Any) -> Any:
    return pc.if_else(condition, rows, pa.scalar(None, rows.type))


def _take(values: Any, rows: Any) -> Any:
    return _one_chunk(values).take(rows)


def _one_chunk(values: Any) -> Any:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
