"""Later answers: images of a batch about which people say something else than it was decided with.

Inputs: a decided batch, just before its commit. Outputs: the images that it must not publish: refused since, undone
since, or people differ. They end as superseded and leave no outcome, and the next run decides them with what people say
by then. A batch that publishes nothing reads nothing.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.runs.release_batch import NO_WITHDRAWALS, ReleaseBatch, WithdrawalKey, withdrawal_key
from catalogs.slot_states import SlotState
from catalogs.table_rows import DecisionRow
from infra.interfaces import ObjectStore
from tasks.answers.answer_log import read_standing_answers

_COLUMNS = ("slot_id", "sku", "request_key", "image_key", "finish_digest", "finished_sha", "answer")


def find_answered_otherwise(store: ObjectStore, batch: ReleaseBatch) -> frozenset[WithdrawalKey]:
    """Return the images that the batch would publish against a person's later word."""
    chosen = batch.decisions.filter(pc.equal(batch.decisions["state"], SlotState.PUBLISH)).select(_COLUMNS)
    if not chosen.num_rows:
        return NO_WITHDRAWALS
    requests = pc.unique(chosen["request_key"])
    answers = read_standing_answers(store, batch.catalogue, request_keys=requests)
    if not len(answers) and pc.all(pc.is_null(chosen["answer"])).as_py():
        return NO_WITHDRAWALS
    answered = pc.or_(pc.is_in(chosen["request_key"], _answered_requests(answers)), pc.is_valid(chosen["answer"]))
    return frozenset(_forbidden(chosen.filter(answered).to_pylist(), answers))


def _answered_requests(answers: StandingAnswers) -> pa.Array:
    images = [standing.answer.image for standing in answers]
    return pa.array([image.request_key for image in images if image is not None], pa.binary())


def _forbidden(rows: Iterable[DecisionRow], answers: StandingAnswers) -> Iterable[WithdrawalKey]:
    for row in rows:
        standing = answers.of_image(row["image_key"] or b"", row["finish_digest"], row["finished_sha"] or b"")
        if standing is not None and answers.is_lifted(standing, row["sku"]):
            standing = None
        if not _may_publish(row, standing):
            yield withdrawal_key(row)


def _may_publish(row: DecisionRow, standing: StandingAnswer | None) -> bool:
    if standing is None:
        return row["answer"] is None  # otherwise what it was decided with was undone
    return standing.verdict == AnswerKind.ACCEPT
