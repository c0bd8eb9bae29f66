"""Item view: everything that the page of one image or prompt shows, in words, as its template needs it.

Inputs: an item with its details, a person, addresses, progress. Outputs: a frozen `ItemView`. Pure: no store is read.
What a person may not do is not offered; the routes refuse it too. That an item is a known one, or is asked of a second
person, is never said, since it would change the answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.person import Person
from catalogs.photos.photo_sentences import is_photo_reason, say_photo_reason
from catalogs.reviews.review_details import SHOWN, OtherImage, ReviewDetails
from catalogs.reviews.review_item import Box, ReviewItem, ReviewKind
from catalogs.reviews.score_sentences import ScoreFinding, name_reason
from flows.web.review.permissions import Permissions
from flows.web.review.photo_view import PhotoView, remedies, view_photo, why_no_image
from flows.web.review.review_addresses import ReviewAddresses
from tasks.reporting.formatting import format_compact_datetime, format_number, printable

_UNKNOWN_SIDE = 1000
"""Sides of an image whose size an older version did not index: it is taken for a square."""
MAX_SLOTS = 20
"""Slots that are named: an image may be shared by a thousand sizes of one shirt."""
_VERBS = {
    AnswerKind.ACCEPT: "accepted it",
    AnswerKind.REFUSE: "refused it",
    AnswerKind.RETRY: "asked for another attempt",
}
_LIMIT_WORDS = {
    "review_below": "at least",
    "review_above": "at most",
    "block_below": "blocked below",
    "block_above": "blocked above",
}
_KIND_NOTES = {
    ReviewKind.SAMPLE: "This one passed every gate and is published. Refusing it takes it out of the shop.",
    ReviewKind.HELD: "Its batch is held. It goes live when the batch is let go.",
}
_WITHOUT_REASON = {
    ReviewKind.SAMPLE: "a sample of what passed",
    ReviewKind.HELD: "it waits with its batch",
    ReviewKind.REVIEW: "the gates leave it to a person",
    ReviewKind.BLOCKED: "the gates refused it",
    ReviewKind.PROMPT: "the prompt waits",
}


class DrawnBox(NamedTuple):
    """A box in pixels of the image, for the drawing over it."""

    label: str
    left: int
    top: int
    width: int
    height: int


class Layer(NamedTuple):
    """One of the pictures that lie over each other, to flip between, or that lie beside."""

    which: str
    words: str
    url: str
    boxes: tuple[DrawnBox, ...] = ()
    is_sensitive: bool = False
    """Whether it is blurred at first."""


class Measure(NamedTuple):
    """A measured score beside its limits."""

    words: str
    value: str
    limit: str
    decision: str
    meaning: str


@dataclass(frozen=True)
class ItemView:
    """What the page of one item shows of it."""

    item: ReviewItem
    name: str
    place: str
    layers: tuple[Layer, ...]
    width: int
    height: int
    spot: tuple[float, float]
    why_no_image: str
    notes: tuple[str, ...]
    sayings: tuple[str, ...]
    """What people said of it."""
    reasons: tuple[str, ...]
    past: tuple[Measure, ...]
    """What was measured past a limit."""
    within: tuple[Measure, ...]
    beside: tuple[Layer, ...]
    facts: tuple[tuple[str, str], ...]
    may: Permissions
    accept_words: str
    photo: PhotoView | None = None
    """The shop's photo, where the image keeps its product."""
    remedies: tuple[str, ...] = ()
    """What to do about what is wrong with the photo."""

    @property
    def is_sensitive(self) -> bool:
        """Tell whether the pictures that lie over each other are blurred at first: one of them may be explicit."""
        return any(layer.is_sensitive for layer in self.layers)

    @property
    def has_sensitive(self) -> bool:
        """Tell whether any picture of the page is blurred at first."""
        return any(layer.is_sensitive for layer in (*self.layers, *self.beside))

    @property
    def has_boxes(self) -> bool:
        """Tell whether something is drawn on the image."""
        return any(layer.boxes for layer in self.layers)


def view_item(item: ReviewItem, details: ReviewDetails, person: Person, addresses: ReviewAddresses) -> ItemView:
    """Return what the page of an item shows."""
    slot = item.slots[0]
    worst = details.worst_spot
    spot = (0.5, 0.5) if worst is None else ((worst.left + worst.right) / 2, (worst.top + worst.bottom) / 2)
    may = Permissions.of(person, item, details)
    past = [finding for finding in details.findings if finding.is_past_limit]
    return ItemView(
        item,
        name=printable(slot.sku, MAX_NAME_CHARACTERS),
        place=_place(slot.view, slot.variant, slot.index),
        layers=tuple(_layers(item, details, addresses)),
        width=item.width or _UNKNOWN_SIDE,
        height=item.height or _UNKNOWN_SIDE,
        spot=spot,
        why_no_image=why_no_image(item),
        notes=tuple(_notes(item, may)),
        sayings=tuple(_sayings(details)),
        reasons=tuple(dict.fromkeys(_name_of(finding) for finding in past)) or (_WITHOUT_REASON[item.kind],),
        past=tuple(_measure(finding) for finding in past if finding.value is not None),
        within=tuple(_measure(finding) for finding in details.findings if not finding.is_past_limit),
        beside=tuple(_beside(item, details, addresses)),
        facts=tuple(_facts(item)),
        may=may,
        accept_words="Accept, against the gates" if item.kind == ReviewKind.BLOCKED else "Accept",
        photo=view_photo(item, details, spot, addresses),
        remedies=remedies(item),
    )


MAX_NAME_CHARACTERS = 200
"""A SKU may have ten thousand; its page shows the beginning, and its story the whole."""


def _place(view: str, variant: str, index: int) -> str:
    named = [view, f"variant {variant}" if variant not in ("", "a") else "", f"no. {index + 1}" if index else ""]
    return printable(", ".join(filter(None, named)), MAX_NAME_CHARACTERS)


def _layers(item: ReviewItem, details: ReviewDetails, addresses: ReviewAddresses) -> Iterator[Layer]:
    if item.object:
        boxes = tuple(_draw(item, details.boxes))
        yield Layer(SHOWN, "in question", addresses.image(item.id, SHOWN), boxes, item.is_sensitive)
    for other, words in ((details.live, "live now"), (details.neighbour, "the one that it resembles")):
        if other is not None:
            yield Layer(other.which, words, addresses.image(item.id, other.which), (), other.is_sensitive)


def _beside(item: ReviewItem, details: ReviewDetails, addresses: ReviewAddresses) -> Iterator[Layer]:
    named: Sequence[tuple[OtherImage | None, str]] = (
        (details.live, "live now"),
        (details.neighbour, "resembles it"),
        *((view, view.state) for view in details.views),
    )
    for other, words in named:
        if other is not None:
            whose = "" if other.sku == item.slots[0].sku else f"{printable(other.sku, 60)}, "
            text = f"{whose}{_place(other.view, other.variant, other.index)}: {words}"
            is_sensitive = item.is_sensitive or other.is_sensitive
            yield Layer(other.which, text, addresses.image(item.id, other.which), (), is_sensitive)


def _draw(item: ReviewItem, boxes: Sequence[Box]) -> Iterator[DrawnBox]:
    """Yield boxes in the image's own pixels."""
    across, down = item.width or _UNKNOWN_SIDE, item.height or _UNKNOWN_SIDE
    for box in boxes:
        left, right = (round(across * side) for side in (box.left, box.right))
        top, bottom = (round(down * side) for side in (box.top, box.bottom))
        yield DrawnBox(printable(box.label), left, top, max(1, right - left), max(1, bottom - top))


def _name_of(finding: ScoreFinding) -> str:
    """Return a reason's name, or a photo's in words; its number stands in the table of measures."""
    if is_photo_reason(finding.reason) and finding.value is not None:
        return say_photo_reason(finding.reason)
    return finding.reason.replace("-", " ") if finding.value is not None else printable(finding.sentence)


def _measure(finding: ScoreFinding) -> Measure:
    """Return a score's name, value, limits and verdict; the sentence says what was measured."""
    limits = [
        f"{_LIMIT_WORDS[name]} {format_number(finding.limits[name])}" for name in _LIMIT_WORDS if name in finding.limits
    ]
    name, decision = name_reason(finding.reason), finding.decision.lower()
    return Measure(name, format_number(finding.value), ", ".join(limits), decision, finding.sentence)


def _notes(item: ReviewItem, may: Permissions) -> Iterator[str]:
    if note := _KIND_NOTES.get(item.kind):
        yield note
    if item.kind == ReviewKind.BLOCKED:
        yield "A gate refused it." + ("" if may.accept else _why_not_acceptable(item))


def _why_not_acceptable(item: ReviewItem) -> str:
    if item.is_of_photo and not item.can_be_accepted:
        return " Nobody can accept it."
    return " Your key may not accept what a gate refused."


def _sayings(details: ReviewDetails) -> Iterator[str]:
    if details.conflict:
        yield "People differ, so it is not published until one answer stands."
    for answer in details.conflict or details.answers:
        yield _say(answer)
    for answer in details.answered_before:
        yield f"{_say(answer)}, before, in another finish"


def _say(answer: Answer) -> str:
    said = _VERBS.get(answer.kind, answer.kind.value)
    because = ": ".join(filter(None, (answer.reason.replace("-", " "), printable(answer.why))))
    return f"{printable(answer.who)} {said} on {format_compact_datetime(answer.when)}" + (
        f", {because}" if because else ""
    )


def _facts(item: ReviewItem) -> Iterator[tuple[str, str]]:
    slots = [f"{printable(slot.sku, 60)} {_place(slot.view, slot.variant, slot.index)}" for slot in item.slots]
    if len(slots) > 1:
        more = f" and {len(slots) - MAX_SLOTS} more" if len(slots) > MAX_SLOTS else ""
        yield f"Shown in {format_number(len(slots))} places", ", ".join(slots[:MAX_SLOTS]) + more
    if item.category:
        yield "Category", printable(item.category)
    if item.channels:
        yield "Channels", ", ".join(item.channels)
    if item.is_of_photo:
        yield "Made from", "the shop's photo; no model made its pixels" if item.kept else "the shop's photo"
    elif item.model_version or item.model:
        yield "Model", printable(item.model_version or item.model)
    if item.value != 1:
        yield "Value", format_number(item.value)
    if item.asked_at:
        yield "Waits since", _date(item.asked_at)
    if item.expires_at:
        yield "Expires", _date(item.expires_at)


def _date(when: datetime) -> str:
    return format_compact_datetime(when)
