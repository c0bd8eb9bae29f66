"""Item selection: which items a person is given next.

Inputs: the queue, the claims, a person's session and wish. Outputs: entries, the most urgent first; at fixed places of
a session a known item or a sample of what passed, so that errors of people and of gates are measured while they work.
Nothing is claimed here: another person may be faster, and then the next entry is asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from catalogs.keys import hash_fraction
from catalogs.reviews.review_filter import EVERYTHING, ReviewFilter
from catalogs.reviews.review_item import ReviewKind
from catalogs.reviews.review_options import CONFLICT_GROUP, ReviewOptions
from tasks.reviews.claims import Claims
from tasks.reviews.queue_entry import QueueEntry
from tasks.reviews.review_queue import ReviewQueue, Standing
from tasks.reviews.review_session import ReviewSession

_FIRST_KNOWN = 15
"""The first known item of a session comes here: a person has found their pace by then."""


@dataclass(frozen=True)
class Wish:
    """Who asks, when, and for what."""

    session: ReviewSession
    filters: ReviewFilter
    group: str | None
    now: datetime

    @property
    def is_mixed(self) -> bool:
        """Tell whether known items and samples belong here: not in a group, nor where somebody looks for something."""
        return self.group is None and self.filters == EVERYTHING


@dataclass(frozen=True)
class ItemSelection:
    """Chooses items of one catalogue."""

    queue: ReviewQueue
    claims: Claims
    options: ReviewOptions

    def held(self, wish: Wish) -> list[QueueEntry]:
        """Return what a person has already and is still to answer, those claimed first at first."""
        entries = map(self.queue.entry, self.claims.held_by(wish.session.person, wish.now))
        return [entry for entry in entries if entry is not None and self._is_to_answer(entry, wish)]

    def visible(self, wish: Wish) -> Iterator[QueueEntry]:
        """Yield what there is to answer, whoever has it before them, for somebody who only looks."""
        return self._asked(wish, lambda _: True)

    def candidates(self, wish: Wish, taken: set[str]) -> Iterator[QueueEntry]:
        """Yield what a person is given next, but for `taken`; what they skipped comes last."""
        yielded = set(taken)

        def unseen(entries: Iterator[QueueEntry]) -> QueueEntry | None:
            found = next((entry for entry in entries if entry.id not in yielded and self._is_free(entry, wish)), None)
            if found is not None:
                yielded.add(found.id)
            return found

        in_order = self._asked(wish, lambda entry: entry.id not in wish.session.skipped)
        samples = self._asked(wish, lambda entry: entry.kind == ReviewKind.SAMPLE)
        known = self._known(wish)
        position = wish.session.given
        while True:
            position += 1
            special = self._special_at(position, known, samples) if wish.is_mixed else None
            entry = (unseen(special) if special is not None else None) or unseen(in_order)
            if entry is None:
                break
            yield entry
        skipped = self._asked(wish, lambda entry: entry.id in wish.session.skipped)
        while (entry := unseen(skipped)) is not None:
            yield entry

    def _special_at(
        self, position: int, known: Iterator[QueueEntry], samples: Iterator[QueueEntry]
    ) -> Iterator[QueueEntry] | None:
        """Return where the item at a place of a session comes from, where it is not simply the most urgent one."""
        if position % self.options.known_every == _FIRST_KNOWN % self.options.known_every:
            return known
        return samples if position % self.options.sample_every == 0 else None

    def _known(self, wish: Wish) -> Iterator[QueueEntry]:
        """Yield known items that a person has not answered, in an order of their own."""
        session = wish.session
        left = self.options.known_per_session - len(session.known)
        entries = [
            entry
            for name, entry in self.queue.known.items()
            if name not in session.known and session.person not in self.queue.answers.people(entry.key)
        ]
        entries.sort(key=lambda entry: hash_fraction(entry.id, session.person))
        yield from entries[: max(0, left)]

    def _asked(self, wish: Wish, is_chosen: Callable[[QueueEntry], bool]) -> Iterator[QueueEntry]:
        return (entry for entry in self.queue.open_entries() if is_chosen(entry) and self._is_asked(entry, wish))

    def _is_free(self, entry: QueueEntry, wish: Wish) -> bool:
        return self.claims.is_free_for(entry.id, wish.session.person, wish.now)

    def _is_to_answer(self, entry: QueueEntry, wish: Wish) -> bool:
        if entry.id in wish.session.known:
            return wish.is_mixed and not wish.session.known[entry.id]
        return entry.id not in wish.session.skipped and self._is_asked(entry, wish)

    def _is_asked(self, entry: QueueEntry, wish: Wish) -> bool:
        """Tell whether a person is to be asked about an item."""
        if not wish.filters.matches(entry) or (wish.group is None and entry.kind == ReviewKind.HELD):
            return False
        standing = self.queue.standing_of(entry)
        in_group = CONFLICT_GROUP if standing == Standing.CONFLICT else entry.worst_reason
        if standing == Standing.CLOSED or wish.group not in (None, in_group):
            return False
        # Who answered it is not asked again, unless they look for the conflicts.
        is_conflict = standing == Standing.CONFLICT and wish.group == CONFLICT_GROUP
        return standing == Standing.OPEN or is_conflict or wish.session.person not in self.queue.people(entry)
