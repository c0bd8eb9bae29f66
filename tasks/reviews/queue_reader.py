"""Queue reader: reads what the queue of one catalogue is made of, and only what has changed since the last look.

Inputs: a store, its tables, a catalogue. Outputs: the index's rows, the outcomes that wait or were refused, the answers
about them, and the runs that are open. A look costs three listings and the version of a table, side by side where the
store is a network away, however much ever waited; answers about other requests, of which there may be a million, are
not read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from catalogs import layout
from catalogs.answers.answer import Answer
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from tasks.answers.answer_log import read_answer_log
from tasks.answers.answer_objects import list_answer_keys, read_answer_objects
from tasks.reviews.queue_entry import WaitingOutcome
from tasks.reviews.review_index import list_review_index, read_review_index
from tasks.reviews.waiting_items import QUEUE_COLUMNS, read_waiting_outcomes


@dataclass(frozen=True)
class QueueState:
    """What the queue is made of, as of one look."""

    rows: pa.Table
    outcomes: Sequence[WaitingOutcome] = ()
    answers: Sequence[Answer] = ()
    open_runs: frozenset[str] = frozenset()
    items_moved: bool = True
    """Whether anything but the answers differs from the look before."""
    answers_moved: bool = True
    unfolded_answers: int = 0
    """Answers with an object of their own, which every console reads one by one."""


@dataclass(frozen=True)
class _Listing:
    """What says whether something has changed."""

    index: Sequence[ObjectInfo]
    outcomes: int | None
    answers: Sequence[str]
    open_runs: frozenset[str]


class QueueReader:
    """Reads the queue of one catalogue. Used by one thread at a time."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str) -> None:
        self._store, self._tables, self._catalogue = store, tables, catalogue
        self._listing = _Listing((), None, (), frozenset())
        self._state = QueueState(QUEUE_COLUMNS.empty_table())
        self._has_looked = False

    def look(self, beside: Sequence[Callable[[], Any]] = ()) -> QueueState:
        """Read what has changed; `beside` are called meanwhile."""
        listing, before, state = self._list(beside), self._listing, self._state
        first = not self._has_looked
        rows_moved = first or listing.index != before.index
        outcomes_moved = first or listing.outcomes != before.outcomes
        moved = rows_moved or outcomes_moved
        new = None if moved else self._read_new_answers(sorted(set(listing.answers).difference(before.answers)))
        rows, outcomes, log = self._side_by_side(
            lambda: self._read_rows(listing) if rows_moved else state.rows,
            lambda: self._read_outcomes(listing.outcomes) if outcomes_moved else state.outcomes,
            lambda: read_answer_log(self._store, self._catalogue) if new is None else None,
        )
        answers = [*state.answers, *new] if new is not None else log.select(request_keys=_request_keys(rows, outcomes))
        self._listing, self._has_looked = listing, True
        items_moved = moved or listing.open_runs != before.open_runs
        answers_moved, unfolded = moved or new != [], len(listing.answers)
        self._state = QueueState(rows, outcomes, answers, listing.open_runs, items_moved, answers_moved, unfolded)
        return self._state

    def _list(self, beside: Sequence[Callable[[], Any]]) -> _Listing:
        store, catalogue = self._store, self._catalogue
        found = self._side_by_side(
            lambda: list_review_index(store, catalogue),
            lambda: self._tables.version(layout.outcomes_table(catalogue)),
            lambda: list_answer_keys(store, catalogue),
            lambda: [info.key for info in store.list(layout.open_runs_prefix(catalogue))],
            *beside,
        )
        open_runs = frozenset(key.rsplit("/", 1)[1].removesuffix(".json") for key in found[3])
        return _Listing(found[0], found[1], found[2], open_runs)

    def _read_rows(self, listing: _Listing) -> pa.Table:
        return read_review_index(self._store, self._catalogue, listing.index, QUEUE_COLUMNS)

    def _read_outcomes(self, version: int | None) -> Sequence[WaitingOutcome]:
        return read_waiting_outcomes(self._tables, self._catalogue, version)

    def _read_new_answers(self, keys: list[str]) -> Sequence[Answer] | None:
        """Return the answers that were given since the last look; None where one was folded before it was read."""
        found = [each.answer for each in read_answer_objects(self._store, keys)]
        return found if len(found) == len(keys) else None

    def _side_by_side(self, *functions: Callable[[], Any]) -> Sequence[Any]:
        return list(concurrent_map(self._store, _call, functions))


def _request_keys(rows: pa.Table, outcomes: Sequence[WaitingOutcome]) -> pa.Array:
    of_outcomes = pa.array({outcome.request_key for outcome in outcomes}, pa.binary())
    return pa.chunked_array([*rows["request_key"].chunks, of_outcomes], pa.binary()).unique().drop_null()


def _call(function: Callable[[], Any]) -> Any:
    return function()
