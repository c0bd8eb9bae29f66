"""Review queue: what waits in one catalogue now, with the answers that were given, kept up to date by small steps.

Inputs: a store, its tables, a catalogue. Outputs: entries with their standing, most urgent first. A look at the
store every few seconds reads what has changed (`tasks.reviews.queue_reader`). An answer that is given here counts at
once, without a reading.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from threading import Lock
from typing import Any

from catalogs.answers.answer import Answer, AnswerPurpose
from catalogs.keys import hash_fraction
from catalogs.reviews.review_item import ReviewItem, ReviewKind, answered_item
from infra.interfaces import ObjectStore, TableStore
from tasks.reviews.given_answers import AnswerKey, GivenAnswers
from tasks.reviews.queue_entry import QueueEntry
from tasks.reviews.queue_reader import QueueReader, QueueState
from tasks.reviews.waiting_items import QUEUE_COLUMNS, WaitingItems, build_known_items, build_waiting_items

LOOK_AGAIN_SECONDS = 5.0
"""How old what is known of other consoles and runs may be."""
_REBUILT_AFTER = timedelta(minutes=10)
"""Ages grow and samples expire without anything being written."""
MAX_KNOWN = 200
"""Known items to choose from."""


class Standing(Enum):
    """Whether an item is to be answered."""

    OPEN = "open"
    CONFLICT = "conflict"
    """People differ: it waits for somebody who may end that."""
    DOUBLE = "double"
    """One person has answered it, and a second one is asked too."""
    CLOSED = "closed"


class ReviewQueue:
    """The queue of one catalogue. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, tables: TableStore, catalogue: str, double_share: float) -> None:
        self._store, self._double_share = store, double_share
        self._reader = QueueReader(store, tables, catalogue)
        self._lock, self._looking = Lock(), Lock()
        self._looked_at, self._rebuilt_at = float("-inf"), float("-inf")
        self._own_answers: list[Answer] = []
        self._answered: dict[str, Standing] = {}
        """The standing of every item that somebody has answered."""
        self.unfolded_answers = 0
        self.waiting = WaitingItems(QUEUE_COLUMNS.empty_table(), {})
        self.known: Mapping[str, QueueEntry] = {}
        self.answers = GivenAnswers()

    def look(self, beside: Sequence[Callable[[], Any]] = ()) -> bool:
        """Look at the store where that was some seconds ago; return whether it did. One thread looks at a time.

        `beside` are called meanwhile. Others go on with what was seen before, where anything was.
        """
        if not self._is_due() or not self._looking.acquire(blocking=self._looked_at == float("-inf")):
            return False
        try:
            is_due = self._is_due()
            if is_due:
                self._take_over(self._reader.look(beside))
            return is_due
        finally:
            self._looking.release()

    def _is_due(self) -> bool:
        return time.monotonic() - self._looked_at >= LOOK_AGAIN_SECONDS

    def add(self, answer: Answer) -> None:
        """Take an answer into account that was written just now."""
        with self._lock:
            self._own_answers.append(answer)
            self.answers.add(answer)
            if answer.image is not None:
                self._settle([answer.image.key])

    def entry(self, name: str) -> QueueEntry | None:
        """Return an item's entry, known items included."""
        return self.waiting.entries.get(name) or self.known.get(name)

    def item_for(self, entry: QueueEntry, person: str) -> ReviewItem:
        """Return an entry's item with the purpose for which this person is asked."""
        item = self.waiting.item(entry)
        if entry.id in self.known:
            return replace(item, purpose=AnswerPurpose.KNOWN)
        if self.people(entry) - {person} and self.standing_of(entry) == Standing.DOUBLE:
            return replace(item, purpose=AnswerPurpose.DOUBLE)
        return item

    def in_order(self) -> Iterator[QueueEntry]:
        """Yield every waiting entry, the most urgent first."""
        yield from self.waiting.entries.values()

    def open_entries(self, person: str = "") -> Iterator[QueueEntry]:
        """Yield what somebody is to answer, the most urgent first; what waits for a second person is not this one's."""
        answered = self._answered
        for name, entry in self.waiting.entries.items():
            standing = answered.get(name)
            if standing == Standing.CLOSED or (standing == Standing.DOUBLE and person in self.people(entry)):
                continue
            yield entry

    def standing_of(self, entry: QueueEntry) -> Standing:
        """Tell whether an item is to be answered, and by whom."""
        return self._answered.get(entry.id, Standing.OPEN)

    def conflict_of(self, entry: QueueEntry) -> tuple[Answer, ...]:
        """Return the differing answers about an item; none where people agree."""
        with self._lock:
            standing = self.answers.standing(entry.key)
        return standing.conflict if standing is not None else ()

    def find_repeated(self, entry: QueueEntry, answer: Answer) -> Answer | None:
        """Return what a person has answered already, where it still counts and this answer adds nothing to it.

        An item that was decided with an answer and is asked about again is answered anew.
        """
        if self.standing_of(entry) == Standing.OPEN:
            return None
        with self._lock:
            standing = self.answers.standing(entry.key)
        counted = standing.counted if standing is not None else ()
        return next((earlier for earlier in counted if answer.repeats(earlier)), None)

    def _compute_standing(self, entry: QueueEntry) -> Standing:
        standing = self.answers.standing(entry.key)
        if standing is None:
            return Standing.OPEN
        if standing.conflict:
            return Standing.CONFLICT
        if entry.decided_with == standing.token and entry.kind in (ReviewKind.REVIEW, ReviewKind.PROMPT):
            return Standing.OPEN  # it was decided with this answer and waits all the same: it is asked again
        is_doubled = entry.kind != ReviewKind.BLOCKED and hash_fraction(entry.id, "double") < self._double_share
        return Standing.DOUBLE if is_doubled and len(self.answers.people(entry.key)) == 1 else Standing.CLOSED

    def _settle(self, answered: Iterable[AnswerKey]) -> None:
        """Compute the standing of the items that these answers are about; all others are open."""
        for key in answered:
            entry = self.waiting.entries.get(answered_item(key))
            if entry is not None:
                entry.key = key if not entry.key[2] else entry.key  # an older version did not index the pixels
                self._answered[entry.id] = self._compute_standing(entry)

    def people(self, entry: QueueEntry) -> set[str]:
        """Return who has answered about an item."""
        with self._lock:
            return self.answers.people(entry.key)

    def _take_over(self, state: QueueState) -> None:
        now, waiting, known = self._store.now(), self.waiting, self.known
        if state.items_moved or time.monotonic() - self._rebuilt_at > _REBUILT_AFTER.total_seconds():
            waiting = build_waiting_items(state.rows, state.outcomes, state.open_runs, now)
            self._rebuilt_at = time.monotonic()
        answers = GivenAnswers(state.answers) if state.answers_moved else self.answers
        if state.items_moved or state.answers_moved:
            agreed = {answered_item(key) for key, _ in answers.agreed()[:MAX_KNOWN] if key[1]}
            known = build_known_items(state.rows, agreed - waiting.entries.keys(), now)
        with self._lock:
            for answer in self._own_answers:  # one may have been written since the listing
                answers.add(answer)
            self.waiting, self.known, self.answers = waiting, known, answers
            self.unfolded_answers = state.unfolded_answers
            self._answered = {}
            self._settle(answers.keys())
            self._looked_at = time.monotonic()
