"""Review filters: which items a person wants to see, what there is to choose from, and items grouped by reason.

Inputs: items, most urgent first. Outputs: those that match, choices with counts, groups. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from catalogs.reviews.review_item import ReviewKind

WORST_SHOWN = 12
"""Items that a group shows on the first page."""


class FilteredItem(Protocol):
    """What a filter reads of an item."""

    @property
    def id(self) -> str:
        """Return its name."""

    @property
    def kind(self) -> ReviewKind:
        """Return why it is there."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return all its reasons."""

    @property
    def worst_reason(self) -> str:
        """Return the reason that it is grouped by."""

    @property
    def category(self) -> str:
        """Return its product category."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels that it was asked for."""

    @property
    def model_version(self) -> str:
        """Return the version of the model that generated it; the model's name where it has none."""

    @property
    def asked_at(self) -> datetime | None:
        """Return when people were first asked."""

    @property
    def skus(self) -> Sequence[str]:
        """Return its SKUs."""


@dataclass(frozen=True)
class ReviewFilter:
    """Which items to show; an empty field matches everything. Refused ones are shown on request alone."""

    reason: str = ""
    category: str = ""
    channel: str = ""
    model_version: str = ""
    sku: str = ""
    """A SKU, or how it begins."""
    since: datetime | None = None
    blocked: bool = False
    """Whether to show what the gates refused, in place of what they leave to people."""

    def matches(self, item: FilteredItem) -> bool:
        """Tell whether an item is one of those."""
        return (
            self.blocked == (item.kind == ReviewKind.BLOCKED)
            and (not self.reason or self.reason in item.reasons or self.reason == item.worst_reason)
            and (not self.category or self.category == item.category)
            and (not self.channel or self.channel in item.channels)
            and (not self.model_version or self.model_version == item.model_version)
            and (self.since is None or (item.asked_at is not None and item.asked_at >= self.since))
            and (not self.sku or any(sku.startswith(self.sku) for sku in item.skus))
        )


EVERYTHING = ReviewFilter()


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A value that a filter can take, and how many items have it."""

    value: str
    count: int


@dataclass(frozen=True)
class FilterChoices:
    """The values that items have, the most frequent first."""

    reasons: tuple[FilterChoice, ...] = ()
    categories: tuple[FilterChoice, ...] = ()
    channels: tuple[FilterChoice, ...] = ()
    model_versions: tuple[FilterChoice, ...] = ()
    blocked: int = 0
    """How many items the gates refused."""


@dataclass(frozen=True, slots=True)
class ReviewGroup:
    """Items of one reason: how many, and the most urgent of them."""

    reason: str
    count: int
    worst: tuple[str, ...]


def find_choices(found: Collection[FilteredItem], *, blocked: bool = False) -> FilterChoices:
    """Count the values of all fields that a filter has a choice for, of what waits or of what the gates refused."""
    refused = sum(item.kind == ReviewKind.BLOCKED for item in found)
    items = [item for item in found if blocked == (item.kind == ReviewKind.BLOCKED)]
    # Sets of reasons and channels repeat: each is counted once and then taken apart.
    kinds = Counter((item.reasons or (item.worst_reason,), item.channels) for item in items)
    reasons, channels = Counter[str](), Counter[str]()
    for (of_item, for_channels), count in kinds.items():
        reasons.update(dict.fromkeys(of_item, count))
        channels.update(dict.fromkeys(for_channels, count))
    categories, versions = Counter(item.category for item in items), Counter(item.model_version for item in items)
    return FilterChoices(_choices(reasons), _choices(categories), _choices(channels), _choices(versions), refused)


def group_items(items: Iterable[FilteredItem], shown: int = WORST_SHOWN) -> list[ReviewGroup]:
    """Group items, the most urgent first, by their worst reason; the group of the most urgent item comes first."""
    ids: dict[str, list[str]] = {}
    for item in items:
        ids.setdefault(item.worst_reason, []).append(item.id)
    return [ReviewGroup(reason, len(members), tuple(members[:shown])) for reason, members in ids.items()]


def _choices(counts: Counter[str]) -> tuple[FilterChoice, ...]:
    ordered = sorted(counts.items(), key=lambda choice: (-choice[1], choice[0]))
    return tuple(FilterChoice(*choice) for choice in ordered if choice[0])
