"""Group view: what the start page and the grids show: groups of items, tiles of items, filters to choose from.

Inputs: groups, choices, items, addresses. Outputs: frozen views in words. Pure: no store is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalogs.reviews.review_details import THUMBNAIL
from catalogs.reviews.review_filter import FilterChoice, FilterChoices, ReviewFilter, ReviewGroup
from catalogs.reviews.review_item import ReviewItem, ReviewKind
from catalogs.reviews.score_sentences import name_reason, say_reason
from flows.web.review.photo_view import photo_url, why_no_image
from flows.web.review.review_addresses import ReviewAddresses
from tasks.reporting.formatting import format_number, printable

GRID_ITEMS = 80
"""Items of one grid: as many as a person can look over at once."""
_GROUP_WORDS = {"passed": "samples of what passed every gate", "held": "images of held batches"}
MAX_NAME_CHARACTERS = 80
MAX_PROMPT_CHARACTERS = 160
MAX_OPTIONS = 200
"""Values that a filter offers; rarer ones can still be written into the address."""


class ItemTile(NamedTuple):
    """One item among others."""

    id: str
    name: str
    url: str
    thumbnail: str
    """Empty where there is no image."""
    prompt: str
    """What is shown in the place of an image: the prompt that waits, or why a photo gave none."""
    also: str
    """Its other reasons."""
    is_veiled: bool
    photo: str = ""
    """The address of the shop's photo, where the image keeps its product."""


@dataclass(frozen=True)
class GroupView:
    """One group of the start page."""

    words: str
    count: str
    worst: tuple[ItemTile, ...]
    addresses: ReviewAddresses


class Choice(NamedTuple):
    """One filter and its values."""

    name: str
    label: str
    chosen: str
    options: tuple[tuple[str, str], ...]


def name_group(reason: str) -> str:
    """Return a group's title."""
    words = _GROUP_WORDS.get(reason) or say_reason(reason) or "without a reason"
    return printable(words[:1].upper() + words[1:], MAX_NAME_CHARACTERS)


def view_group(group: ReviewGroup, worst: Sequence[ReviewItem], addresses: ReviewAddresses) -> GroupView:
    """Return a group with tiles of its most urgent items."""
    inside = addresses.of_group(group.reason)
    tiles = tuple(view_tile(item, inside) for item in worst)
    return GroupView(name_group(group.reason), format_number(group.count), tiles, inside)


def view_tile(item: ReviewItem, addresses: ReviewAddresses, is_unveiled: bool = False) -> ItemTile:
    """Return an item as a tile of its group; unveiled where somebody asked to see explicit ones."""
    slot = item.slots[0]
    also = [name_reason(reason) for reason in item.reasons if reason != item.worst_reason]
    return ItemTile(
        item.id,
        printable(f"{slot.sku}, {slot.view}", MAX_NAME_CHARACTERS),
        addresses.item(item.id),
        addresses.image(item.id, THUMBNAIL) if item.object else "",
        printable(_words_of(item), MAX_PROMPT_CHARACTERS),
        printable(f"also {', '.join(also)}", MAX_PROMPT_CHARACTERS) if also else "",
        item.is_sensitive and not is_unveiled,
        photo_url(item, addresses),
    )


def _words_of(item: ReviewItem) -> str:
    if item.kind == ReviewKind.PROMPT:
        return item.prompt
    return why_no_image(item) if item.is_of_photo and not item.object else ""


def view_choices(choices: FilterChoices, filters: ReviewFilter) -> tuple[Choice, ...]:
    """Return the filters that have something to choose from."""
    offered = (
        ("reason", "Reason", filters.reason, choices.reasons),
        ("category", "Category", filters.category, choices.categories),
        ("channel", "Channel", filters.channel, choices.channels),
        ("model_version", "Model version", filters.model_version, choices.model_versions),
    )
    found = [
        Choice(name, label, chosen, tuple(_options(name, chosen, values)))
        for name, label, chosen, values in offered
        if values or chosen
    ]
    if choices.blocked or filters.blocked:
        options = (("1", f"what the gates refused ({format_number(choices.blocked)})"),)
        found.append(Choice("blocked", "Instead show", "1" if filters.blocked else "", options))
    return tuple(found)


def _options(name: str, chosen: str, values: Sequence[FilterChoice]) -> Iterator[tuple[str, str]]:
    """Yield values with their words; the chosen one is always among them."""
    offered = values[:MAX_OPTIONS]
    if chosen and all(choice.value != chosen for choice in offered):
        offered = (*offered, FilterChoice(chosen, 0))
    for choice in offered:
        words = name_reason(choice.value) if name == "reason" else choice.value
        yield choice.value, f"{printable(words, MAX_NAME_CHARACTERS)} ({format_number(choice.count)})"
