"""Answer index: the answers of a catalogue by request, folded one request at a time.

Inputs: rows of ANSWERS. Outputs: the `StandingAnswers` of a request; the requests whose prompt a person has edited. A
catalogue may have a hundred thousand answers to what is live, and a night asks about some hundred requests: so the rows
stay in Arrow, at 16 bytes more each, and only the rows that are asked for become Python objects.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.answers.answer import PLANNED_KINDS, Answer, AnswerKind
from catalogs.answers.answer_rows import answers_in_rows
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers, fold_readmissions
from catalogs.indexes.digest_index import DigestIndex, split_halves
from catalogs.indexes.digest_set import row_digests
from catalogs.table_schemas import ANSWERS

NO_ANSWERS = StandingAnswers()


class AnswerIndex:
    """The answers of one catalogue by request key."""

    def __init__(self, rows: pa.Table | None = None) -> None:
        """Take rows of ANSWERS; those about neither image nor prompt are left out, but for readmissions."""
        rows = ANSWERS.empty_table() if rows is None else rows
        lifts = rows.filter(pc.equal(rows["kind"], AnswerKind.READMISSION.value))
        self._readmissions: list[Answer] = list(answers_in_rows(lifts))
        self._readmitted = fold_readmissions(self._readmissions)  # once: a shop gathers thousands over the years
        self._rows = rows.filter(pc.is_valid(rows["request_key"])).combine_chunks()
        self._index = DigestIndex(*split_halves(row_digests(_column(self._rows, "request_key"))))
        self._folded: dict[bytes, StandingAnswers] = {}
        self.newest_token: str = newest_planned_token(rows)
        """The token of the newest answer that a plan takes; empty where there is none."""

    def __len__(self) -> int:
        """Return how many answers are about images and prompts."""
        return len(self._index)

    def of_request(self, request_key: bytes) -> StandingAnswers:
        """Return the answers that count for a request's prompt and images."""
        if not len(self):
            return NO_ANSWERS
        if request_key not in self._folded:
            (high,), (low,) = split_halves(row_digests(pa.array([request_key])))
            positions = self._index.find_all(int(high), int(low))
            self._folded[request_key] = self._fold(positions) if positions else NO_ANSWERS
        return self._folded[request_key]

    @property
    def request_keys(self) -> pa.Array:
        """Return the requests that any answer is about; they may repeat."""
        return _column(self._rows, "request_key")

    def requests_since(self, token: str) -> pa.Array:
        """Return the requests that an answer later than a token is about, each once."""
        newer = pc.greater(self._rows["token"], token)
        return pc.unique(_column(self._rows.filter(newer), "request_key"))

    def answers_about(self, request_keys: pa.Array) -> list[Answer]:
        """Return every answer about these requests, undone ones too, and all readmissions."""
        about = self._rows.filter(pc.is_in(self._rows["request_key"], request_keys))
        return [*answers_in_rows(about), *self._readmissions]

    @property
    def retried_requests(self) -> list[bytes]:
        """Return the requests of whose images anybody wanted another attempt with the same prompt, each once."""
        has_prompt = pc.greater(pc.utf8_length(self._rows["prompt"]), 0)
        is_retry = pc.equal(self._rows["kind"], AnswerKind.RETRY.value)
        keys: list[bytes] = pc.unique(self._rows["request_key"].filter(pc.and_not(is_retry, has_prompt))).to_pylist()
        return keys

    @cached_property
    def edits(self) -> Mapping[bytes, StandingAnswer]:
        """Return request key -> the answer that edits its prompt, where the newest one does that accepts or edits."""
        prompts = self._rows["prompt"]
        keys = pc.unique(self._rows["request_key"].filter(pc.greater(pc.utf8_length(prompts), 0))).to_pylist()
        return dict(self._edited(keys))

    def _edited(self, request_keys: list[bytes]) -> Iterator[tuple[bytes, StandingAnswer]]:
        for key in request_keys:
            settling = [each for each in self.of_request(key).of_request(key) if _settles_prompt(each)]
            newest = max(settling, key=lambda standing: standing.token, default=None)
            if newest is not None and newest.answer.prompt:
                yield key, newest

    def _fold(self, positions: list[int]) -> StandingAnswers:
        rows = self._rows.take(pa.array(sorted(positions), pa.int64()))
        return StandingAnswers(answers_in_rows(rows), self._readmitted)


def newest_planned_token(rows: pa.Table) -> str:
    """Return the token of the newest of these ANSWERS that a plan takes; empty where there is none."""
    planned = pc.is_in(rows["kind"], pa.array(sorted(PLANNED_KINDS)))
    return pc.max(rows["token"].filter(planned)).as_py() or ""


def _settles_prompt(standing: StandingAnswer) -> bool:
    is_edit = standing.verdict == AnswerKind.RETRY and bool(standing.answer.prompt)
    return is_edit or standing.verdict == AnswerKind.ACCEPT


def _column(rows: pa.Table, name: str) -> pa.Array:
    column = rows[name]
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
