"""Keep what people should look at where a sweep of staging does not reach it: what waits, and a sample of what passed.

Comes in: a batch that is published, or the pictures that an applied policy withdrew. Goes out: a copy a picture under
`review/`, written once, and an index of the run's rows: SKU, view, why, reasons, scores, prompt. A picture that is gone
by then stands in the index without a copy. Doing it again writes the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

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

ROWS_AT_ONCE = 5_000
"""Rows whose scores and prompts are in memory at a time."""

REVIEW, SAMPLE = "review", "sample"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ReviewQueue:
    """One run's pictures for people: its name, when they were asked, and how long the sample is kept."""

    store: ObjectStore
    catalogue: str
    run_id: str
    asked_at: datetime
    review_days: int
    scored_runs: Sequence[str] = field(default=())
    """The runs whose folders say scores and prompts; the run itself where there are none."""

    def write(self, rows: Iterable[tuple[str, str, Row]]) -> int:
        """Copy pictures and write the index; return how many rows it has.

        Rows are (why, where the picture is, a row with its slot, image and reasons).
        """
        count = 0
        with ExitStack() as stack:
            writer: pq.ParquetWriter | None = None
            for part in _chunk_rows(rows):
                if writer is None:
                    key = layout.review_index(self.catalogue, self.run_id)
                    output = stack.enter_context(self.store.open_output(key))
                    writer = stack.enter_context(pq.ParquetWriter(output, REVIEW_INDEX, compression="zstd"))
                writer.write_table(self._build_index(part))
                count += len(part)
        return count

    def _build_index(self, chunk: Sequence[tuple[str, str, Row]]) -> pa.Table:
        copies = dict(concurrent_map(self.store, self._copy_image, _distinct_images(chunk)))
        scores, prompts = self._read_scores([row for *_, row in chunk]), self._read_prompts([row for *_, row in chunk])
        ends = self.asked_at + timedelta(days=self.review_days)
        names = [name for name in REVIEW_INDEX.names if name in chunk[0][2]]
        found = [
            {name: row[name] for name in names}
            | {"why": why, "asked_at": self.asked_at, "expires_at": ends, "prompt": prompts.get(row["request_key"])}
            | {"object": copies.get(_image_id(row)), "scores": scores.get(_image_id(row))}
            for why, _, row in chunk
        ]
        return pa.Table.from_pylist(found, schema=REVIEW_INDEX)

    def _copy_image(self, source_image: tuple[tuple[bytes, str], str, bytes]) -> tuple[tuple[bytes, str], str | None]:
        (image, finish), source, sha = source_image
        key = layout.review_image(self.catalogue, image.hex(), finish)
        try:
            data = self.store.read(source)
        except ObjectMissing:
            return (image, finish), key if self.store.exists(key) else None
        if sha256(data).digest() != sha:
            return (image, finish), None
        self.store.write_once(key, data, content_type="image/jpeg")
        return (image, finish), key

    def _read_scores(self, rows: Sequence[Row]) -> dict[tuple[bytes, str], str]:
        wanted = pa.array({row["image_key"] for row in rows if row["image_key"]}, pa.binary())
        found: dict[tuple[bytes, str], str] = {}
        for run_id in self._score_run_ids if len(wanted) else ():
            for record in read_row_groups(self.store, layout.RunFiles(run_id).records_prefix):
                kept = record.filter(pc.is_in(record["image_key"], wanted))
                columns = (kept[name].to_pylist() for name in ("image_key", "finish_digest", "scores"))
                found.update({(image, finish): text for image, finish, text in zip(*columns, strict=True)})
        return found

    def _read_prompts(self, rows: Sequence[Row]) -> dict[bytes, str]:
        wanted = pa.array({row["request_key"] for row in rows}, pa.binary())
        found: dict[bytes, str] = {}
        for run_id in self._score_run_ids:
            for requests in read_row_groups(self.store, layout.RunFiles(run_id).requests_prefix):
                kept = requests.filter(pc.is_in(requests["request_key"], wanted))
                found.update(zip(kept["request_key"].to_pylist(), kept["prompt"].to_pylist(), strict=True))
        return found

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
    """Keep what of a batch waits for a person, and the policy's sample of what passed; return how many slots."""
    review = ReviewQueue(store, batch.catalogue, batch.run_id, asked_at or datetime.now(UTC), policy.review_days)
    return review.write(_select_rows(batch, policy.sample_share, superseded))


def _select_rows(batch: ReleaseBatch, share: float, superseded: frozenset[bytes]) -> Iterator[tuple[str, str, Row]]:
    for state, why in ((SlotState.REVIEW, REVIEW), (SlotState.PUBLISH, SAMPLE)):
        for part in batch.decisions_in_state(state):
            for row in part:
                if row["slot_id"] in superseded or (why == SAMPLE and not is_review_sample(row["image_key"], share)):
                    continue
                image = row["image_key"]
                yield why, layout.finished_image(image.hex(), row["finish_digest"]) if image else "", row


def _chunk_rows(rows: Iterable[tuple[str, str, Row]]) -> Iterator[list[tuple[str, str, Row]]]:
    part: list[tuple[str, str, Row]] = []
    for row in rows:
        part.append(row)
        if len(part) == ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _distinct_images(chunk: Sequence[tuple[str, str, Row]]) -> Iterator[tuple[tuple[bytes, str], str, bytes]]:
    """Yield each picture of the rows once: slots may share one."""
    seen = set()
    for _, source, row in chunk:
        if row["image_key"] and _image_id(row) not in seen:
            seen.add(_image_id(row))
            yield _image_id(row), source, row["file_sha"] or b""


def _image_id(row: Row) -> tuple[bytes, str]:
    return row["image_key"], row["finish_digest"]
