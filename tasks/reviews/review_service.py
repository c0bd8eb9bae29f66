"""Review service: what a console asks and tells about one catalogue: queue, claims, pictures, answers, progress.

Inputs: a store, its tables, a catalogue; people's names, filters and answers. Outputs: items, details, pictures; every
answer is written to the store before it counts here. Safe to call from several threads; several consoles may serve one
store: claims keep them from giving one item twice, and answers are objects that all of them read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from threading import RLock
from typing import Unpack

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.person import Person
from catalogs.errors import ItemNotFound
from catalogs.reviews.review_details import ReviewDetails, ReviewProgress
from catalogs.reviews.review_filter import (
    EVERYTHING,
    FilterChoices,
    ReviewFilter,
    ReviewGroup,
    find_choices,
    group_items,
)
from catalogs.reviews.review_item import ReviewItem, ReviewKind
from catalogs.reviews.review_options import CONFLICT_GROUP, DEFAULT_OPTIONS, AnswerWords, ReviewOptions
from infra.interfaces import ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from tasks.answers.answer_folding import FOLD_ABOVE
from tasks.answers.answer_writer import AnswerWriter
from tasks.reviews.answer_checks import check_answer
from tasks.reviews.claims import Claims
from tasks.reviews.item_details import ItemDetails
from tasks.reviews.item_selection import ItemSelection, Wish
from tasks.reviews.queue_entry import QueueEntry
from tasks.reviews.review_queue import ReviewQueue, Standing
from tasks.reviews.review_session import ReviewSession, Undone

NEXT_SHOWN = 5


class ReviewService:
    """The review of one catalogue."""

    def __init__(
        self, store: ObjectStore, tables: TableStore, catalogue: str, *, options: ReviewOptions = DEFAULT_OPTIONS
    ) -> None:
        self.catalogue = catalogue
        self._store = store
        self.writer = AnswerWriter(store, catalogue)
        self._queue = ReviewQueue(store, tables, catalogue, options.double_share)
        self._claims = Claims(store, catalogue)
        self._details = ItemDetails(store, tables, catalogue, self._queue)
        self._selection = ItemSelection(self._queue, self._claims, options)
        self._sessions: dict[str, ReviewSession] = {}
        self._lock = RLock()

    # What waits

    def choices(self, *, blocked: bool = False) -> FilterChoices:
        """Return what a filter of what waits can choose from, or of what the gates refused, with counts."""
        self._look()
        return find_choices(list(self._queue.open_entries()), blocked=blocked)

    def groups(self, filters: ReviewFilter = EVERYTHING, person: str = "") -> list[ReviewGroup]:
        """Return what waits (for a person), by reason: conflicts first, then the group of the most urgent item."""
        self._look()
        entries = [entry for entry in self._queue.open_entries(person) if filters.matches(entry)]
        conflicts = [entry.id for entry in entries if self._queue.standing_of(entry) == Standing.CONFLICT]
        others = group_items(entry for entry in entries if entry.id not in set(conflicts))
        return [*([ReviewGroup(CONFLICT_GROUP, len(conflicts), tuple(conflicts[:12]))] if conflicts else []), *others]

    def find(self, item_id: str, person: str = "") -> ReviewItem:
        """Return an item by its name, waiting or answered just now, as it is asked of a person where one is named.

        Raises `ItemNotFound`.
        """
        self._look()
        entry = self._entry(item_id)
        return self._queue.item_for(entry, person) if person else self._queue.waiting.item(entry)

    # Claims

    def claim(
        self, person: str, filters: ReviewFilter = EVERYTHING, count: int = 1, group: str | None = None
    ) -> list[ReviewItem]:
        """Return items for a person, who has them until they answer, skip or go away.

        What the person has already comes first, so that a page that is loaded again shows the same.
        """
        self._look()
        with self._lock:
            wish = Wish(self._session(person), filters, group, self._store.now())
            held = self._selection.held(wish)
            chosen = held[:count]
            candidates = self._selection.candidates(wish, {entry.id for entry in chosen})
        while len(chosen) < count and (wanted := list(islice(candidates, count - len(chosen)))):
            got = set(self._claims.take([entry.id for entry in wanted], person))
            chosen += [entry for entry in wanted if entry.id in got]
        with self._lock:
            wish.session.count_given([entry.id for entry in chosen[len(held) :]], self._queue.known)
        self._details.prepare()
        return [self._queue.item_for(entry, person) for entry in chosen]

    def preview(
        self, person: str, filters: ReviewFilter = EVERYTHING, count: int = 1, group: str | None = None
    ) -> list[ReviewItem]:
        """Return items for a person who only looks: nothing is claimed, so nobody goes without an item for it."""
        self._look()
        entries = self._selection.visible(Wish(self._session(person), filters, group, self._store.now()))
        return [self._queue.item_for(entry, person) for entry in islice(entries, count)]

    def skip(self, person: str, item_id: str) -> None:
        """Leave an item to others; this person is not given it again in this session unless nothing else is left."""
        with self._lock:
            self._session(person).skipped.add(item_id)
        self._claims.release([item_id], person)

    def stay(self, person: str) -> None:
        """Keep what a person has for them: they still look at it."""
        self._claims.take(self._claims.held_by(person, self._store.now()), person)

    def leave(self, person: str) -> None:
        """Give back all that a person has: they signed out."""
        self._claims.release(self._claims.held_by(person, self._store.now()), person)

    # Pictures and details

    def details(self, item: ReviewItem) -> ReviewDetails:
        """Return everything about an item that its page shows."""
        return self._details.read(item)

    def image(self, item_id: str, which: str) -> bytes:
        """Return a picture of an item: shown, thumbnail, live, neighbour or view-N. Raises `ItemNotFound`."""
        item = self._queue.waiting.item(self._entry(item_id))
        return self._details.picture(item, which)

    # Answers

    def answer(self, person: Person, item_id: str, kind: AnswerKind, **words: Unpack[AnswerWords]) -> Answer:
        """Write a person's answer about an item. Raises `OptionError` for one that they may not or cannot give."""
        return self._give(person.name, item_id, self._checked_answer(person, item_id, kind, words))

    def answer_once(
        self, person: Person, item_id: str, kind: AnswerKind, **words: Unpack[AnswerWords]
    ) -> tuple[Answer, bool]:
        """Write an answer as `answer` does, unless the person has given the same one and it counts.

        Return the answer that stands, and whether it was written now.
        """
        answer = self._checked_answer(person, item_id, kind, words)
        earlier = self._queue.find_repeated(self._entry(item_id), answer)
        return (earlier, False) if earlier is not None else (self._give(person.name, item_id, answer), True)

    def conflict(self, item_id: str) -> tuple[Answer, ...]:
        """Return the differing answers about an item; none where people agree."""
        return self._queue.conflict_of(self._entry(item_id))

    def _checked_answer(self, person: Person, item_id: str, kind: AnswerKind, words: AnswerWords) -> Answer:
        item = self._queue.item_for(self._entry(item_id), person.name)
        check_answer(person, item, kind, words)
        return Answer(
            kind,
            person.name,
            self._store.now(),
            words.get("why", "").strip(),
            self._bind(item),
            words.get("reason", "") if kind == AnswerKind.REFUSE else "",
            words.get("prompt", "").strip() if kind == AnswerKind.RETRY else "",
            words.get("seconds"),
            item.purpose,
            resolves=words.get("resolves", False),
            details=item.answer_details,
        )

    def answer_group(
        self, person: Person, accepted: Sequence[str], refused: Mapping[str, str], seconds: float | None = None
    ) -> list[Answer]:
        """Accept some items and refuse others, each with its reason; all are checked before the first is written."""
        each = seconds / max(1, len(accepted) + len(refused)) if seconds is not None else None
        answers = [*((name, AnswerKind.ACCEPT, "") for name in accepted)]
        answers += [(name, AnswerKind.REFUSE, reason) for name, reason in refused.items()]
        for name, kind, reason in answers:
            check_answer(person, self._queue.item_for(self._entry(name), person.name), kind, {"reason": reason})

        def give(one: tuple[str, AnswerKind, str]) -> Answer:
            return self.answer(person, one[0], one[1], reason=one[2], seconds=each)

        return list(concurrent_map(self._store, give, answers))

    def undo(self, person: Person) -> Undone | None:
        """Take back the person's newest answer of this session; they have its item again, if it still waits.

        It is written also where a run has decided the item meanwhile, and forgotten here only after that.
        """
        with self._lock:
            session = self._session(person.name)
        with session.undoing:
            if not session.answers:
                return None
            answer, item_id = session.answers[-1]
            undo = answer.taken_back(person.name, self._store.now())
            self._queue.add(self.writer.write(undo, after=self._queue.answers.newest_token))
            with self._lock:
                session.forget(answer, item_id)
        self._look()
        try:
            item = self._queue.item_for(self._entry(item_id), person.name)
        except ItemNotFound:
            return Undone(answer, None)
        self._claims.take([item_id], person.name)
        return Undone(answer, item)

    def progress(self, person: str, filters: ReviewFilter = EVERYTHING, group: str | None = None) -> ReviewProgress:
        """Return how far a person's session has come, and what they would be given next of what they chose."""
        self._look()
        session, now = self._session(person), self._store.now()
        open_entries = [entry for entry in self._queue.open_entries(person) if _is_counted(entry)]
        conflicts = [entry.id for entry in open_entries if self._queue.standing_of(entry) == Standing.CONFLICT]
        upcoming = islice(self._selection.candidates(Wish(session, filters, group, now), set()), NEXT_SHOWN)
        with self._lock:
            return ReviewProgress(
                left=len(open_entries),
                answered_by_me=len(session.answers),
                answered_by_all=len(self._queue.answers.since(session.begins_after)),
                seconds_per_answer=session.median_seconds,
                per_hour=session.pace(now),
                conflicts=tuple(conflicts),
                next_items=tuple(entry.id for entry in upcoming),
                others=tuple(sorted(self._claims.holders(now) - {person})),
            )

    # Inside

    def _look(self) -> None:
        looked = self._queue.look(beside=(self._claims.refresh, self._details.follow_release))
        if looked and self._queue.unfolded_answers > FOLD_ABOVE:  # of commands and consoles that gave a few each
            self.writer.fold_beside()

    def _session(self, person: str) -> ReviewSession:
        with self._lock:
            if person not in self._sessions:
                newest = self._queue.answers.newest_token
                self._sessions[person] = ReviewSession(person, self._store.now(), newest)
            return self._sessions[person]

    def _entry(self, name: str) -> QueueEntry:
        if self._queue.entry(name) is None:
            self._look()
        entry = self._queue.entry(name)
        if entry is None:
            raise ItemNotFound(f"{name[:80]!r} waits for nobody: it was decided, or was never asked about.")
        return entry

    def _bind(self, item: ReviewItem) -> ImageTarget:
        """Return what an answer is bound to: the pixels that the person saw, also where only the picture has them."""
        target = item.target
        if target.is_prompt or target.pixel_sha:
            return target
        return replace(target, pixel_sha=self._details.pixels_of(item))

    def _give(self, person: str, item_id: str, answer: Answer) -> Answer:
        written = self.writer.write(answer, after=self._queue.answers.newest_token)
        self._queue.add(written)
        with self._lock:
            self._session(person).remember(written, item_id)
        entry = self._queue.entry(item_id)
        if entry is not None and self._queue.standing_of(entry) != Standing.CLOSED:
            self._claims.release([item_id], person)  # another person is asked too
        return written


def _is_counted(entry: QueueEntry) -> bool:
    """Tell whether an item counts as waiting: neither what was refused nor what waits with its batch does."""
    return entry.kind not in (ReviewKind.BLOCKED, ReviewKind.HELD)
