"""Queue reviews: copy the images that people should look at out of staging, and index them for each run.

Inputs: a published batch, or the images that an applied policy withdrew. Outputs: one copy of each image under
`review/`, written once, and an index of the run's rows with SKU, view, why, reasons, scores and prompt. Queued are the
images that wait for a person and a sample of those that passed. The copies exist because a sweep deletes staged images.
An image that is gone by then stands in the index without a copy. Repeating it writes the same.
"""

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
from catalogs.policy.review_expiry import is_review_sample
from catalogs.policy.schema import Policy
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import SlotState
from catalogs.table_schemas import REVIEW_INDEX
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import read_row_groups
from tasks.runs.deletion_marks import write_shared_object

ROWS_AT_ONCE = 5_000
"""Rows whose scores and prompts are in memory at a time."""

REVIEW, SAMPLE = "review", "sample"

Row = Mapping[str, Any]
ImageId = tuple[bytes, str]
"""Image key and finish digest."""


class ReviewItem(NamedTuple):
    """One row to review: why, the key of its image, and the row with its slot, image and reasons."""

    why: str
    source: str
    row: Row


@dataclass(frozen=True)
class ReviewQueue:
    """One run's images for review: when the review was requested, and for how many days the sample is kept."""

    store: ObjectStore
    catalogue: str
    run_id: str
    asked_at: datetime
    review_days: int
    scored_runs: Sequence[str] = field(default=())
    """The runs whose folders hold the scores and prompts; by default the run itself."""

    def write(self, items: Iterable[ReviewItem]) -> int:
        """Copy the images and write the index; return how many rows it has. Without items there is no index."""
        count = 0
        with ExitStack() as stack:
            writer: pq.ParquetWriter | None = None
            for chunk in _chunk_items(items):
                if writer is None:
                    key = layout.review_index(self.catalogue, self.run_id)
                    output = stack.enter_context(self.store.open_output(key))
                    writer = stack.enter_context(pq.ParquetWriter(output, REVIEW_INDEX, compression="zstd"))
                writer.write_table(self._build_index(chunk))
                count += len(chunk)
        return count

    def _build_index(self, chunk: Sequence[ReviewItem]) -> pa.Table:
        copies = dict(concurrent_map(self.store, self._copy_image, _distinct_images(chunk)))
        scores = self._read_scores([item.row for item in chunk])
        prompts = self._read_prompts([item.row for item in chunk])
        expires_at = self.asked_at + timedelta(days=self.review_days)
        names = [name for name in REVIEW_INDEX.names if name in chunk[0].row]
        index_rows = [
            {name: row[name] for name in names}
            | {"why": why, "asked_at": self.asked_at, "expires_at": expires_at}
            | {"prompt": prompts.get(row["request_key"])}
            | {"object": copies.get(_image_id(row)), "scores": scores.get(_image_id(row))}
            for why, _, row in chunk
        ]
        return pa.Table.from_pylist(index_rows, schema=REVIEW_INDEX)

    def _copy_image(self, source_image: tuple[ImageId, str, bytes]) -> tuple[ImageId, str | None]:
        """Copy one image (its id, key and file sha); return its id and the copy's key, None where there is no copy."""
        (image, finish), source, sha = source_image
        key = layout.review_image(self.catalogue, image.hex(), finish)
        try:
            data = self.store.read(source)
        except ObjectMissing:
            data = self.store.find(key) or b""  # asked about again: the copy must not be swept as an old one
        if sha256(data).digest() != sha:
            return (image, finish), None
        # In the place of other bytes: of a file that was judged once, or of a stranger's.
        write_shared_object(self.store, self.catalogue, key, data, content_type="image/jpeg", replaces_others=True)
        return (image, finish), key

    def _read_scores(self, rows: Sequence[Row]) -> dict[ImageId, str]:
        image_keys = pa.array({row["image_key"] for row in rows if row["image_key"]}, pa.binary())
        scores: dict[ImageId, str] = {}
        for run_id in self._score_run_ids if len(image_keys) else ():
            for record in read_row_groups(self.store, layout.RunFiles(run_id).records_prefix):
                attempts = record.filter(pc.is_in(record["image_key"], image_keys))
                columns = (attempts[name].to_pylist() for name in ("image_key", "finish_digest", "scores"))
                scores.update({(image, finish): text for image, finish, text in zip(*columns, strict=True)})
        return scores

    def _read_prompts(self, rows: Sequence[Row]) -> dict[bytes, str]:
        request_keys = pa.array({row["request_key"] for row in rows}, pa.binary())
        prompts: dict[bytes, str] = {}
        for run_id in self._score_run_ids:
            for requests in read_row_groups(self.store, layout.RunFiles(run_id).requests_prefix):
                matches = requests.filter(pc.is_in(requests["request_key"], request_keys))
                prompts.update(zip(matches["request_key"].to_pylist(), matches["prompt"].to_pylist(), strict=True))
        return prompts

    @property
    def _score_run_ids(self) -> Sequence[str]:
        return self.scored_runs or [self.run_id]


def queue_reviews(
    store: ObjectStore,
    batch: ReleaseBatch,
    policy: Policy,
    superseded: frozenset[bytes],
    asked_at: datetime | None = None,
) -> int:
    """Queue a batch's slots that wait for a person, and the policy's sample of those that passed; return how many."""
    queue = ReviewQueue(store, batch.catalogue, batch.run_id, asked_at or store.now(), policy.review_days)
    return queue.write(_select_items(batch, policy.sample_share, superseded))


def _select_items(batch: ReleaseBatch, share: float, superseded: frozenset[bytes]) -> Iterator[ReviewItem]:
    for state, why in ((SlotState.REVIEW, REVIEW), (SlotState.PUBLISH, SAMPLE)):
        for rows in batch.decisions_in_state(state):
            for row in rows:
                image = row["image_key"]
                if row["slot_id"] in superseded or (why == SAMPLE and not is_review_sample(image or b"", share)):
                    continue
                source = layout.finished_image(image.hex(), row["finish_digest"]) if image else ""
                yield ReviewItem(why, source, row)


def _chunk_items(items: Iterable[ReviewItem]) -> Iterator[list[ReviewItem]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, ROWS_AT_ONCE)):
        yield chunk


def _distinct_images(chunk: Sequence[ReviewItem]) -> Iterator[tuple[ImageId, str, bytes]]:
    """Yield the id, key and file sha of each image once: slots may share one."""
    seen = set()
    for _, source, row in chunk:
        if row["image_key"] and _image_id(row) not in seen:
            seen.add(_image_id(row))
            yield _image_id(row), source, row["file_sha"] or b""


def _image_id(row: Row) -> ImageId:
    return row["image_key"], row["finish_digest"]
