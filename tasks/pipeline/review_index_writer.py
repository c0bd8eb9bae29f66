"""Review index writer: one run's rows for review, each with all that a person is shown and all that publishing needs.

Inputs: rows with slot, image and reasons, and where their images lie; the folders of the runs that measured them.
Outputs: a copy of each image under `review/`, written once, and the run's index. Rows are self-contained: neither a
page nor `review apply` reads a run's folder, which a sweep may have shrunk. Repeating it writes the same.

Images that wait, and samples, are copied, because a sweep deletes staged images. What the gates refused is not: its
outcome names the staged image for as long as it may be asked about, so nothing is stored twice, and the index names the
staged file. An image that is gone stands in the index without a picture.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalogs import layout
from catalogs.policy.schema import Policy
from catalogs.reviews.found_boxes import boxes_from_details, boxes_to_json
from catalogs.reviews.review_item import ReviewKind
from catalogs.reviews.severity import find_worst_reason
from catalogs.table_schemas import REVIEW_INDEX, SLOTS, SOURCE_ROWS
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.runs.deletion_marks import write_shared_object

ROWS_AT_ONCE = 5_000
"""Rows whose scores and prompts are in memory at a time."""

VALUE_FIELD = "value"
"""The field of a row that says how much an answer about it is worth: `columns: {value: …}` in the recipe."""

_COPIED = (ReviewKind.REVIEW, ReviewKind.SAMPLE)
_OF_RECORDS = ("scores", "scanners", "errors", "raw_sha", "file_sha", "file_bytes", "width", "height", "mark",
               "fingerprint", "fingerprint_quality", "crop", "looks", "attempt", "backend")  # fmt: skip
_OF_REQUESTS = ("prompt", "negative", "seed", "steps", "guidance", "category", "model", "attempts_allowed")
_OF_SLOTS = ("attempts_allowed", "priority", "deadline", "created_at", "live_file_sha", "kind", "source_digest")
_BOXED_SCANNERS = ("text", "nudity")
"""Scanners that store where they found something."""

Row = Mapping[str, Any]
ImageId = tuple[bytes, str]
"""Image key and finish digest."""


class QueuedRow(NamedTuple):
    """One row to review: why, the key of its image, and the row with its slot, image and reasons."""

    why: str
    source: str
    row: Row


@dataclass(frozen=True)
class ReviewIndexWriter:
    """Writes one run's index: when the review was requested, under which policy, and which runs measured the images."""

    store: ObjectStore
    catalogue: str
    run_id: str
    asked_at: datetime
    policy: Policy
    measuring_runs: Sequence[str] = field(default=())
    """The runs whose folders hold scores, prompts and slots; by default the run itself."""

    def write(self, rows: Iterable[QueuedRow]) -> int:
        """Copy the images and write the index; return how many rows it has. Without rows there is no index."""
        count = 0
        with ExitStack() as stack:
            writer: pq.ParquetWriter | None = None
            for chunk in _chunk_rows(rows):
                if writer is None:
                    key = layout.review_index(self.catalogue, self.run_id)
                    output = stack.enter_context(self.store.open_output(key))
                    writer = stack.enter_context(pq.ParquetWriter(output, REVIEW_INDEX, compression="zstd"))
                writer.write_table(self._build_index(chunk))
                count += len(chunk)
        return count

    def _build_index(self, chunk: Sequence[QueuedRow]) -> pa.Table:
        known = _RunFacts(self.store, self.measuring_runs or [self.run_id], [queued.row for queued in chunk])
        objects = dict(concurrent_map(self.store, self._copy_image, _distinct_images(chunk)))
        boxes = dict(concurrent_map(self.store, self._find_boxes, known.boxed_records()))
        asked = {"asked_at": self.asked_at, "expires_at": self.asked_at + timedelta(days=self.policy.review_days)}
        rows = []
        for why, _, row in chunk:
            built = known.complete(row) | asked | {"why": why, "object": objects.get(_image_id(row))}
            built |= {"boxes": boxes.get(_image_id(row)), "run_id": row.get("run_id", self.run_id)}
            rows.append(built | self._rate(built))
        return pa.Table.from_pylist(rows, schema=REVIEW_INDEX)

    def _rate(self, row: Row) -> dict[str, Any]:
        scores, category = json.loads(row.get("scores") or "{}"), row.get("category") or ""
        worst, severity = find_worst_reason(row["reasons"] or (), scores, self.policy, category)
        return {"worst_reason": worst, "severity": severity}

    def _copy_image(self, image: "_SourceImage") -> tuple[ImageId, str | None]:
        """Copy one image; return its id and the key of what is shown, None where there is nothing to show."""
        if not image.is_copied:
            return image.id, image.source if self.store.exists(image.source) else None
        key = layout.review_image(self.catalogue, image.id[0].hex(), image.id[1])
        try:
            data = self.store.read(image.source)
        except ObjectMissing:
            data = self.store.find(key) or b""  # asked about again: the copy must not be swept as an old one
        if sha256(data).digest() != image.file_sha:
            return image.id, None
        # In the place of other bytes: of a file that was judged once, or of a stranger's.
        write_shared_object(self.store, self.catalogue, key, data, content_type="image/jpeg", replaces_others=True)
        return image.id, key

    def _find_boxes(self, record: Row) -> tuple[ImageId, str | None]:
        """Return what the scanners found where, from the stored scores of these very scanners; best effort."""
        prefix = layout.scores_prefix(record["raw_sha"].hex(), record["finish_digest"])
        for info in self.store.list(prefix):
            try:
                stored = json.loads(self.store.find(info.key) or b"{}")
                if stored["scanners"] != json.loads(record["scanners"]):
                    continue
                found = boxes_from_details(stored["details"], record["width"], record["height"])
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                continue
            return _image_id(record), boxes_to_json(found)
        return _image_id(record), None


class _RunFacts:
    """What the folders of the measuring runs say of some rows."""

    def __init__(self, store: ObjectStore, run_ids: Sequence[str], rows: Sequence[Row]) -> None:
        images = pa.array({row["image_key"] for row in rows if row["image_key"]}, pa.binary())
        requests = pa.array({row["request_key"] for row in rows}, pa.binary())
        slots = pa.array({row["slot_id"] for row in rows}, pa.binary())
        skus = pa.array({row["sku"] for row in rows}, pa.string())
        self.records: dict[ImageId, Row] = {}
        self.requests: dict[bytes, Row] = {}
        self.slots: dict[bytes, Row] = {}
        self.values: dict[str, float] = {}
        for run_id in run_ids:
            files = layout.RunFiles(run_id)
            if len(images):
                found = _matching(store, files.records_prefix, "image_key", images)
                self.records |= {_image_id(record): record for record in found}
            found = _matching(store, files.requests_prefix, "request_key", requests)
            self.requests |= {row["request_key"]: row for row in found}
            table = read_table(store, files.slots, SLOTS)
            self.slots |= {row["slot_id"]: row for row in _select(table, "slot_id", slots)}
            table = read_table(store, files.source_rows, SOURCE_ROWS)
            for row in _select(table, "sku", skus):
                if (value := _parse_value(dict(row["fields"] or ()).get(VALUE_FIELD, ""))) is not None:
                    self.values[row["sku"]] = value

    def complete(self, row: Row) -> dict[str, Any]:
        """Return the columns of the index that a row has, completed by what its run recorded."""
        record: Row = self.records.get(_image_id(row), {})
        request: Row = self.requests.get(row["request_key"], {})
        slot: Row = self.slots.get(row["slot_id"], {})
        built = {name: request.get(name) for name in _OF_REQUESTS}
        built |= {name: slot[name] for name in _OF_SLOTS if name in slot}
        built |= {"category": slot.get("category") or built["category"]}
        built |= {name: value for name, value in row.items() if name in REVIEW_INDEX.names and value is not None}
        built |= {name: record[name] for name in _OF_RECORDS if record.get(name) is not None}
        built |= {"pixel_sha": row.get("finished_sha") or record.get("finished_sha") or None}
        built |= {"asked_width": request.get("width"), "asked_height": request.get("height")}
        return built | {"value": self.values.get(row["sku"])}

    def boxed_records(self) -> list[Row]:
        """Return the records of images of which a scanner may have said where it found something."""
        return [
            record
            for record in self.records.values()
            if record["raw_sha"] and any(f'"{name}"' in (record["scanners"] or "") for name in _BOXED_SCANNERS)
        ]


class _SourceImage(NamedTuple):
    """An image to show: its id, the key and sha of its file, and whether it is copied."""

    id: ImageId
    source: str
    file_sha: bytes
    is_copied: bool


def _matching(store: ObjectStore, prefix: str, column: str, keys: pa.Array) -> Iterator[Row]:
    for table in read_row_groups(store, prefix):
        yield from _select(table, column, keys)


def _select(table: pa.Table, column: str, keys: pa.Array) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.filter(pc.is_in(table[column], keys)).to_pylist()
    return rows


def _parse_value(text: str) -> float | None:
    """Return a positive number, or None: a value that is no number counts as none was given."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _chunk_rows(rows: Iterable[QueuedRow]) -> Iterator[list[QueuedRow]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, ROWS_AT_ONCE)):
        yield chunk


def _distinct_images(chunk: Sequence[QueuedRow]) -> Iterator[_SourceImage]:
    """Yield each image once: slots may share one."""
    seen = set()
    for why, source, row in chunk:
        if row["image_key"] and _image_id(row) not in seen:
            seen.add(_image_id(row))
            yield _SourceImage(_image_id(row), source, row["file_sha"] or b"", why in _COPIED)


def _image_id(row: Row) -> ImageId:
    return row["image_key"], row["finish_digest"]
