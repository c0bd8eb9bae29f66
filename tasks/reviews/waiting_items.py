"""Waiting items: the queue as of one moment, from outcomes and the review index, the most urgent first.

Inputs: the index's rows, the outcomes that wait or were refused, the runs that are held, the time. Outputs: entries,
one for each distinct image or prompt, and the whole item of an entry on request: of 10,000 that wait a page shows
twelve, so only what orders, filters and groups them is built as Python objects; the rest stays in Arrow.

An outcome decides whether an item waits; the index says what of. A waiting outcome without a row (an older version's,
or one whose index was lost) is listed all the same, with what the outcome knows. Nothing here reads an answer.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import AnswerPurpose
from catalogs.reviews.found_boxes import boxes_from_json
from catalogs.reviews.review_item import ReviewItem, ReviewKind, ReviewSlot, item_id
from catalogs.slot_states import REFUSED_BY_GATES
from catalogs.table_schemas import OUTCOMES, REVIEW_INDEX
from infra.interfaces import TableStore
from tasks.reviews.queue_entry import IndexRow, QueueEntry, WaitingOutcome, add_row

_ITEM_COLUMNS = ("view", "variant", "index", "scores", "scanners", "errors", "prompt", "boxes", "sentence", "file_sha",
                 "width", "height", "kept")  # fmt: skip
QUEUE_COLUMNS = pa.schema([REVIEW_INDEX.field(name) for name in (*IndexRow._fields, *_ITEM_COLUMNS)])
"""What a queue reads of the index: what publishing needs besides stays in the files."""
_PURPOSES = {ReviewKind.SAMPLE: AnswerPurpose.SAMPLE, ReviewKind.HELD: AnswerPurpose.HELD}

_SEPARATOR = "\x1f"
_ROWS_AT_A_TIME = 1_000

T = TypeVar("T", IndexRow, WaitingOutcome)

Row = Mapping[str, Any]


class WaitingItems:
    """The queue as of one moment."""

    def __init__(self, rows: pa.Table, entries: Mapping[str, QueueEntry]) -> None:
        self._rows = rows
        self.entries = entries

    def item(self, entry: QueueEntry) -> ReviewItem:
        """Return the whole item of an entry."""
        rows = self._rows.take(pa.array(entry.rows, pa.int64())).to_pylist() if entry.rows else []
        return _build_item(entry, rows)

    @cached_property
    def by_sku(self) -> Mapping[str, Sequence[QueueEntry]]:
        """Return the entries of each SKU."""
        found: dict[str, list[QueueEntry]] = {}
        for entry in self.entries.values():
            for sku in entry.skus:
                found.setdefault(sku, []).append(entry)
        return found

    @cached_property
    def by_pixels(self) -> Mapping[bytes, QueueEntry]:
        """Return the entry of each picture, by the sha of its pixels."""
        return {entry.key[2]: entry for entry in self.entries.values() if entry.key[2]}

    @cached_property
    def skus(self) -> frozenset[str]:
        """Return every SKU that waits."""
        return frozenset(self.by_sku)

    @cached_property
    def neighbours(self) -> frozenset[bytes]:
        """Return the pictures that some item is too similar to."""
        return frozenset(entry.collides_with for entry in self.entries.values() if entry.collides_with)


def read_waiting_outcomes(tables: TableStore, catalogue: str, version: int | None) -> list[WaitingOutcome]:
    """Return what waits for a person or was refused; deferred rows, which may be millions, stay in Arrow."""
    if version is None:
        return []
    schema = pa.schema([OUTCOMES.field(name) for name in WaitingOutcome._fields])
    found: list[WaitingOutcome] = []
    for batch in tables.batches(layout.outcomes_table(catalogue), schema, version=version):
        waiting = batch.filter(pc.is_in(batch.column("state"), pa.array(REFUSED_BY_GATES)))
        found += _named_tuples(pa.table(waiting), WaitingOutcome)
    return found


def build_waiting_items(
    rows: pa.Table, outcomes: Sequence[WaitingOutcome], held_runs: frozenset[str], now: datetime
) -> WaitingItems:
    """Return the queue: what the outcomes say waits, the samples that have not expired, the images of held batches."""
    by_key = {(one.slot_id, one.request_key, one.finish_digest): one for one in outcomes}
    entries: dict[str, QueueEntry] = {}
    used = set()
    for number, row in enumerate(_named_tuples(rows, IndexRow)):
        key = (row.slot_id, row.request_key, row.finish_digest)
        outcome = by_key.get(key)
        if outcome is not None and outcome.image_key != row.image_key:
            outcome = None  # the index asks about another attempt
        if outcome is not None:
            used.add(key)
        elif not _stands_alone(row, held_runs, now):
            continue
        add_row(entries, row, number, outcome, now)
    for key, outcome in by_key.items():
        if key not in used:
            add_row(entries, _row_of(outcome), None, outcome, now)
    ordered = sorted(entries.values(), key=lambda entry: (-entry.priority, entry.id))
    return WaitingItems(rows, {entry.id: entry for entry in ordered})


def build_known_items(rows: pa.Table, names: Collection[str], now: datetime) -> Mapping[str, QueueEntry]:
    """Return entries of items that are answered and whose rows and pictures are still indexed."""
    images = pa.array([bytes.fromhex(name[:64]) for name in names], pa.binary())
    numbers = pc.indices_nonzero(pc.is_in(rows["image_key"], images))
    entries: dict[str, QueueEntry] = {}
    for number, row in zip(numbers.to_pylist(), _named_tuples(rows.take(numbers), IndexRow), strict=True):
        if row.object and item_id(row.request_key, row.image_key, row.finish_digest) in names:
            add_row(entries, row, number, None, now)
    return entries


def _named_tuples(rows: pa.Table, kind: type[T]) -> Iterator[T]:
    """Yield the rows as tuples with these fields; some at a time, or the lists of all their values would stay."""
    for batch in rows.select(kind._fields).to_batches(max_chunksize=_ROWS_AT_A_TIME):
        yield from map(kind, *(_values(column) for column in batch.columns))


def _values(column: pa.Array) -> list[Any]:
    """Return a column's values; times and lists by a shorter way than pyarrow's own, which takes ten times as long."""
    if pa.types.is_timestamp(column.type):
        times = column.cast(pa.int64()).to_pylist()
        return [None if time is None else datetime.fromtimestamp(time / 1e6, UTC) for time in times]
    if pa.types.is_list(column.type):
        joined = pc.binary_join(column.cast(pa.list_(pa.string())), _SEPARATOR)
        return [_split(text) for text in joined.to_pylist()]
    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        words = [*encoded.dictionary.to_pylist(), None]  # most texts repeat: rows share them
        return [words[index] for index in pc.fill_null(encoded.indices, -1).to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]


@lru_cache(4096)
def _split(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(_SEPARATOR)) if text else ()


def _stands_alone(row: IndexRow, held_runs: frozenset[str], now: datetime) -> bool:
    """Tell whether a row is asked about without an outcome: a sample, or an image of a held batch."""
    if row.why == ReviewKind.HELD:
        return row.run_id in held_runs
    return row.why == ReviewKind.SAMPLE and row.expires_at is not None and row.expires_at > now


def _row_of(outcome: WaitingOutcome) -> IndexRow:
    """Return an outcome as a row of the index with nothing but what it says itself."""
    return IndexRow(
        outcome.slot_id, outcome.request_key, outcome.finish_digest, outcome.sku, outcome.image_key,
        reasons=outcome.reasons, collides_with=outcome.collides_with, asked_at=outcome.decided_at,
    )  # fmt: skip


def _build_item(entry: QueueEntry, rows: Sequence[Row]) -> ReviewItem:
    first: Row = rows[0] if rows else {}
    outcome = entry.outcomes[0] if entry.outcomes else None
    slots = [
        ReviewSlot(row["slot_id"], row["sku"], row["view"] or "", row["variant"] or "", row["index"] or 0)
        for row in rows
    ]
    known = {slot.slot_id for slot in slots}
    slots += [ReviewSlot(one.slot_id, one.sku, "", "", 0) for one in entry.outcomes if one.slot_id not in known]
    return ReviewItem(
        id=entry.id,
        kind=entry.kind,
        slots=tuple(dict.fromkeys(slots)),
        reasons=entry.reasons,
        request_key=first["request_key"] if rows or outcome is None else outcome.request_key,
        worst_reason=entry.worst_reason,
        scores=_json(first.get("scores")),
        scanners=_json(first.get("scanners")),
        errors=_json(first.get("errors")),
        prompt=first.get("prompt") or "",
        category=entry.category,
        value=first.get("value") or 1.0,
        severity=first.get("severity") or 1.0,
        priority=entry.priority,
        asked_at=entry.asked_at,
        expires_at=outcome.expires_at if outcome is not None else first.get("expires_at"),
        model=first.get("model") or "",
        model_version=entry.model_version,
        channels=entry.channels,
        image_key=entry.key[0] if entry.kind != ReviewKind.PROMPT and _has_image(entry) else b"",
        finish_digest=first.get("finish_digest") or (outcome.finish_digest if outcome is not None else ""),
        pixel_sha=entry.key[2],
        collides_with=entry.collides_with,
        purpose=_PURPOSES.get(entry.kind, AnswerPurpose.QUEUE),
        object=entry.object,
        file_sha=first.get("file_sha") or b"",
        run_id=first.get("run_id") or "",
        boxes=boxes_from_json(first.get("boxes")),
        sentence=(outcome.sentence if outcome is not None else first.get("sentence")) or "",
        width=first.get("width") or 0,
        height=first.get("height") or 0,
        kept=first.get("kept") or "",
    )


def _has_image(entry: QueueEntry) -> bool:
    return bool(entry.key[1])  # a prompt that was blocked has no finish in its key


def _json(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
