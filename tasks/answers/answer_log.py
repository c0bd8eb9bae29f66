"""Answer log: every answer of a catalogue's people, written once and read back.

Inputs: a store, a catalogue, answers. Outputs: tokens; all answers; those that stand. An answer is one object, named by
its token, until it is folded (`tasks.answers.answer_folding`). Of two answers the later one counts, whatever the clocks
say: a token is later than every token that its writer has read. Writers need no lock: two that have not read each other
are in either order, and all readers see the same one.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, parse_answer
from catalogs.answers.answer_index import AnswerIndex, newest_planned_token
from catalogs.answers.answer_rows import answers_in_rows, answers_to_rows
from catalogs.answers.answer_verdicts import TOKEN_TIME
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.runs.job import new_run_id
from catalogs.table_schemas import ANSWERS
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json_once
from infra.stores.stored_documents import reading
from tasks.answers.answer_archive import distinct_answers, read_archive
from tasks.answers.answer_objects import list_answer_keys, read_answer_objects
from tasks.answers.answer_snapshots import read_answer_snapshot

ALL_KINDS = frozenset(AnswerKind)


def write_answer(store: ObjectStore, catalogue: str, answer: Answer, *, after: str = "") -> Answer:
    """Write an answer, and return it under its token: later than `after`, the newest that its writer has read.

    It is also later than the answer that it undoes.
    """
    answer = answer.named(next_token(store, max(after, answer.undoes)))
    put_answer(store, catalogue, answer)
    return answer


def put_answer(store: ObjectStore, catalogue: str, answer: Answer) -> None:
    """Write an answer that has its token; written again, it stays as it is.

    Raises ValueError, KeyError or TypeError for one that could not be read back: it would end every run of the
    catalogue, since no run goes on without people's answers.
    """
    document = answer.document()
    parse_answer(document, answer.token)
    write_json_once(store, layout.person_decision(catalogue, answer.token, layout.ANSWER), document)


def next_token(store: ObjectStore, after: str = "") -> str:
    """Return a new token by the store's clock, later than another one."""
    try:
        before = datetime.strptime(after.split("-")[0], TOKEN_TIME).replace(tzinfo=UTC)
    except ValueError:
        before = datetime.min.replace(tzinfo=UTC)  # there is none, or another version named it
    return new_run_id(max(store.now(), before + timedelta(microseconds=1)), microseconds=True)


@dataclass(frozen=True)
class AnswerLog:
    """The answers of a catalogue that may still have an effect, as they were read; a few may occur in both parts."""

    catalogue: str
    unfolded: pa.Table
    """Rows of ANSWERS with an object of their own."""
    folded: pa.Table
    """Rows of ANSWERS of the newest snapshot: there may be a million."""

    def select(
        self, kinds: Container[AnswerKind] = ALL_KINDS, request_keys: pa.Array | pa.ChunkedArray | None = None
    ) -> Sequence[Answer]:
        """Return answers of these kinds, oldest first.

        With `request_keys` only those about these requests' images and prompts, and readmissions, which may lift them.
        """
        names = pa.array([kind.value for kind in AnswerKind if kind in kinds], pa.string())
        parts = []
        for rows in (self.unfolded, self.folded):
            selected = rows.filter(pc.is_in(rows["kind"], names))
            if request_keys is not None:
                lifts = pc.equal(selected["kind"], AnswerKind.READMISSION.value)
                selected = selected.filter(pc.or_(lifts, pc.is_in(selected["request_key"], request_keys)))
            parts.append(selected)
        with reading(layout.answer_snapshots_prefix(self.catalogue), "a snapshot of answers"):
            return list(answers_in_rows(distinct_answers(parts)))

    def all_rows(self) -> pa.Table:
        """Return all of them, each once, oldest first."""
        return distinct_answers([self.unfolded, self.folded])


def read_answer_log(store: ObjectStore, catalogue: str) -> AnswerLog:
    """Return the answers of a catalogue that may still have an effect.

    It costs two listings, one snapshot and at most some `FOLD_ABOVE` small objects.
    """
    keys = list_answer_keys(store, catalogue)
    # Before the snapshot: an answer whose object is gone when it is read is in the snapshot by then.
    unfolded = answers_to_rows(each.answer for each in read_answer_objects(store, keys))
    return AnswerLog(catalogue, unfolded, read_answer_snapshot(store, catalogue).rows.select(ANSWERS.names))


def read_answers(
    store: ObjectStore,
    catalogue: str,
    *,
    kinds: Container[AnswerKind] = ALL_KINDS,
    request_keys: pa.Array | None = None,
) -> Sequence[Answer]:
    """Return the answers of a catalogue that may still have an effect, oldest first; chosen as `AnswerLog.select`."""
    return read_answer_log(store, catalogue).select(kinds, request_keys)


def read_answer_index(store: ObjectStore, catalogue: str) -> AnswerIndex:
    """Return the answers of a catalogue that may still have an effect, to be folded request by request."""
    return AnswerIndex(read_answer_log(store, catalogue).all_rows())


def read_newest_token(store: ObjectStore, catalogue: str) -> str:
    """Return the token of a catalogue's newest answer that a plan takes; empty where there is none."""
    return newest_planned_token(read_answer_log(store, catalogue).all_rows())


def read_all_answers(store: ObjectStore, catalogue: str, since: str = "") -> Sequence[Answer]:
    """Return every answer ever given, or those of the months from `since` (as 2026-11) on, oldest first."""
    current = read_answer_log(store, catalogue).all_rows()
    current = current.filter(pc.greater_equal(pc.strftime(current["when"], "%Y-%m"), since))
    with reading(layout.answer_archive_prefix(catalogue), "the archive of answers"):
        return list(answers_in_rows(distinct_answers([read_archive(store, catalogue, since), current])))


def read_standing_answers(
    store: ObjectStore, catalogue: str, *, request_keys: pa.Array | None = None
) -> StandingAnswers:
    """Return the answers that count for a catalogue's images and prompts, or for those of some requests."""
    return StandingAnswers(read_answers(store, catalogue, request_keys=request_keys))
