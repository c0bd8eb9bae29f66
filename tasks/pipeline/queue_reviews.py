"""Queue reviews: select the images that people should look at after a run, and have them copied and indexed.

Inputs: a published batch, or a held one. Outputs: how many rows were indexed. Queued are the images and prompts that
wait for a person, a sample of the images that passed, and what the gates refused, so that a person may overrule them;
of a batch that is held for a look, what it would publish.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from catalogs import layout
from catalogs.policy.review_expiry import is_review_sample
from catalogs.policy.schema import Policy
from catalogs.reviews.review_item import ReviewKind
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import SlotState
from catalogs.table_rows import DecisionRow
from infra.interfaces import ObjectStore
from tasks.pipeline.review_index_writer import QueuedRow, ReviewIndexWriter

MAX_REFUSED = 20_000
"""Refused rows that one run indexes: nobody looks at more, and a rule gone wrong must not cost a run its memory."""


MAX_HELD = 10_000
"""Images of a held batch that are queued: no one looks at more. All of them are on the batch's own pages."""


def queue_reviews(
    store: ObjectStore,
    batch: ReleaseBatch,
    policy: Policy,
    superseded: frozenset[bytes],
    asked_at: datetime | None = None,
) -> int:
    """Queue a batch's slots for review; return how many."""
    writer = ReviewIndexWriter(store, batch.catalogue, batch.run_id, asked_at or store.now(), policy)
    return writer.write(_select_rows(batch, policy.sample_share, superseded))


def queue_held_images(store: ObjectStore, batch: ReleaseBatch, policy: Policy, asked_at: datetime) -> int:
    """Queue what a held batch would publish; return how many. The run's own reviews take its place once it goes.

    Nothing is copied: staged images of an open run stay.
    """
    rows = _current(batch, SlotState.PUBLISH, frozenset())
    writer = ReviewIndexWriter(store, batch.catalogue, batch.run_id, asked_at, policy)
    return writer.write(_queued(ReviewKind.HELD, row) for row in islice(rows, MAX_HELD))


def _select_rows(batch: ReleaseBatch, share: float, superseded: frozenset[bytes]) -> Iterator[QueuedRow]:
    for row in _current(batch, SlotState.REVIEW, superseded):
        yield _queued(ReviewKind.REVIEW, row)
    for row in _current(batch, SlotState.PUBLISH, superseded):
        if is_review_sample(row["image_key"] or b"", share):
            yield _queued(ReviewKind.SAMPLE, row)
    for row in islice(_current(batch, SlotState.BLOCKED, superseded), MAX_REFUSED):
        yield _queued(ReviewKind.BLOCKED, row)


def _current(batch: ReleaseBatch, state: SlotState, superseded: frozenset[bytes]) -> Iterator[DecisionRow]:
    for rows in batch.decisions_in_state(state):
        yield from (row for row in rows if row["slot_id"] not in superseded)


def _queued(why: ReviewKind, row: DecisionRow) -> QueuedRow:
    image = row["image_key"]
    return QueuedRow(why, layout.finished_image(image.hex(), row["finish_digest"]) if image else "", row)
