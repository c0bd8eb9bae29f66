"""SKU answers: a person's answers by SKU, as a command line gives them; all are checked before the first is written.

Inputs: the items that wait, SKUs, a view or all, what to say. Outputs: the items that are meant, or an `OptionError`
that names the SKU and what to say; the answers as they were written. A SKU may have several images that wait: which one
is meant must be said. An answer is about an image, so it covers other SKUs that show the same one; they are returned
with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalogs.answers.answer import IMAGE_KINDS, Answer, AnswerKind
from catalogs.answers.person import Person
from catalogs.answers.refusal_reasons import REFUSAL_REASONS, lacks_words
from catalogs.errors import OptionError
from catalogs.near_matches import describe_missing
from catalogs.reviews.review_filter import EVERYTHING, ReviewFilter
from catalogs.reviews.review_item import ReviewItem, ReviewKind
from catalogs.reviews.review_options import AnswerWords
from infra.interfaces import ObjectStore, TableStore
from tasks.answers.answer_log import read_answers, write_answer
from tasks.reviews.answer_checks import MAX_ANSWER_CHARACTERS
from tasks.reviews.review_queue import ReviewQueue
from tasks.reviews.review_service import ReviewService

_PASSED = (ReviewKind.SAMPLE, ReviewKind.HELD)


@dataclass(frozen=True)
class OpenItem:
    """Something that is to be answered, and the answers that differ about it, where people differ."""

    item: ReviewItem
    conflict: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class GivenAnswer:
    """An answer that stands, with the item that it is about, and what differs from it."""

    answer: Answer
    item: ReviewItem
    is_new: bool = True
    """False where the person had given the same one already, so that nothing was written."""
    conflict: tuple[Answer, ...] = ()
    """This answer among the differing ones, where people differ."""


@dataclass(frozen=True)
class SkuChoice:
    """Which images of which SKUs are meant."""

    skus: Sequence[str]
    view: str | None = None
    every: bool = False
    """All waiting images of each SKU."""
    override: bool = False
    """Also what the gates blocked."""


@dataclass(frozen=True)
class SkuAnswer:
    """What a person says of the chosen images."""

    kind: AnswerKind
    reason: str = ""
    why: str = ""
    prompt: str = ""
    resolves: bool = False

    def check(self) -> None:
        """Raise `OptionError` where it says nothing that can be kept."""
        if self.kind == AnswerKind.REFUSE and self.reason not in REFUSAL_REASONS:
            raise OptionError(f"--reason: {self.reason[:80]!r} is none of {', '.join(REFUSAL_REASONS)}")
        if self.kind == AnswerKind.REFUSE and lacks_words(self.reason, self.why):
            raise OptionError(f"--why: the reason {self.reason!r} says nothing by itself; say in words what is wrong")
        for option, text in (("--why", self.why), ("--prompt", self.prompt)):
            if len(text) > MAX_ANSWER_CHARACTERS:
                raise OptionError(f"{option}: it has more than {MAX_ANSWER_CHARACTERS:,} characters")


def list_open_items(
    store: ObjectStore, tables: TableStore, catalogue: str, filters: ReviewFilter = EVERYTHING
) -> list[OpenItem]:
    """Return what is to be answered and matches, the most urgent first."""
    queue = _open_queue(store, tables, catalogue)
    entries = [entry for entry in queue.open_entries() if filters.matches(entry)]
    return [OpenItem(queue.waiting.item(entry), queue.conflict_of(entry)) for entry in entries]


def list_answerable_items(store: ObjectStore, tables: TableStore, catalogue: str) -> list[ReviewItem]:
    """Return all that a command may answer: what was answered and not taken yet can be answered otherwise."""
    queue = _open_queue(store, tables, catalogue)
    return [queue.waiting.item(entry) for entry in queue.in_order()]


def choose_items(waiting: Iterable[ReviewItem], choice: SkuChoice) -> list[ReviewItem]:
    """Return the items that are meant, each once.

    Raises `OptionError` for a SKU of which nothing waits, one of which several images do, and one that a gate blocked.
    """
    items = list(waiting)
    names = sorted({sku for item in items for sku in item.skus})
    if missing := [sku for sku in choice.skus if sku not in names]:
        raise OptionError(f"SKU: no image waits of {describe_missing(missing, names)}; `review list` names those")
    chosen: dict[str, ReviewItem] = {}
    for sku in dict.fromkeys(choice.skus):
        chosen |= {item.id: item for item in _items_of(sku, items, choice)}
    return list(chosen.values())


def answer_items(
    service: ReviewService, person: Person, items: Sequence[ReviewItem], answer: SkuAnswer
) -> list[GivenAnswer]:
    """Give one answer for each item, and return them in the items' order; what a person has said is not said twice."""
    answer.check()
    words: AnswerWords = {"reason": answer.reason, "why": answer.why, "prompt": answer.prompt}
    words["resolves"] = answer.resolves
    given = []
    for item in items:
        stands, is_new = service.answer_once(person, item.id, answer.kind, **words)
        given.append(GivenAnswer(stands, item, is_new, service.conflict(item.id)))
    return given


def undo_answers(store: ObjectStore, catalogue: str, person: str, skus: Sequence[str]) -> list[Answer]:
    """Take back a person's newest answer, or the newest about each of these SKUs; return the answers taken back.

    Raises `OptionError` where the person has none that is not undone already; then nothing is written.
    """
    answers = read_answers(store, catalogue)
    undone = {answer.undoes for answer in answers if answer.kind == AnswerKind.UNDO}
    own = [
        answer
        for answer in answers
        if answer.who == person and answer.kind in IMAGE_KINDS - {AnswerKind.UNDO} and answer.token not in undone
    ]
    chosen = [_newest(own, sku, person) for sku in dict.fromkeys(skus)] if skus else [_newest(own, None, person)]
    after = answers[-1].token if answers else ""
    for answer in chosen:
        after = write_answer(store, catalogue, answer.taken_back(person, store.now()), after=after).token
    return chosen


def _open_queue(store: ObjectStore, tables: TableStore, catalogue: str) -> ReviewQueue:
    queue = ReviewQueue(store, tables, catalogue, double_share=0.0)  # a command asks no second person
    queue.look()
    return queue


def _items_of(sku: str, items: Sequence[ReviewItem], choice: SkuChoice) -> list[ReviewItem]:
    """Return the images of one SKU that are meant. Those that a gate blocked count only where one says `--override`."""
    of_sku = [item for item in items if sku in item.skus]
    found = [item for item in of_sku if choice.view is None or choice.view in _views(item, sku)]
    if not found:
        views = ", ".join(sorted({view for item in of_sku for view in _views(item, sku)}))
        raise OptionError(f"--view: no image of {sku!r} waits for its view {choice.view!r}; there is {views}")
    open_items = [item for item in found if choice.override or item.kind != ReviewKind.BLOCKED]
    if not open_items:
        reasons = ", ".join(dict.fromkeys(reason for item in found for reason in item.reasons))
        raise OptionError(
            f"--override: the gates blocked the image of {sku!r} ({reasons}); say --override to answer it"
        )
    if choice.view is None:  # what passed, as a sample or in a held batch, is meant where nothing else waits
        open_items = [item for item in open_items if item.kind not in _PASSED] or open_items
    if len(open_items) > 1 and not choice.every:
        views = ", ".join(sorted({view for item in open_items for view in _views(item, sku)}))
        raise OptionError(f"--view: {len(open_items)} images of {sku!r} wait ({views}); say which, or --all")
    return open_items


def _views(item: ReviewItem, sku: str) -> set[str]:
    return {slot.view for slot in item.slots if slot.sku == sku}


def _newest(own: Sequence[Answer], sku: str | None, person: str) -> Answer:
    found = [answer for answer in own if answer.image is not None and sku in (None, answer.image.sku)]
    if not found:
        of = "" if sku is None else f" about {sku!r}"
        raise OptionError(f"{person} has given no answer{of} that could be taken back")
    return found[-1]
