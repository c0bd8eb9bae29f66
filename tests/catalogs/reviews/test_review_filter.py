"""Filters, their choices with counts, and groups in the order of their most urgent item."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from catalogs.reviews.review_filter import FilterChoice, ReviewFilter, find_choices, group_items
from catalogs.reviews.review_item import ReviewItem, ReviewKind, ReviewSlot

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SHIRT = ReviewItem(
    "1", ReviewKind.REVIEW, (ReviewSlot(b"s", "shirt-1", "front", "a", 0),), ("blurred", "off-centre"), b"r",
    worst_reason="off-centre", category="shirts", model_version="turbo/2", channels=("ebay",), asked_at=NOW,
)  # fmt: skip
CAP = replace(SHIRT, id="2", category="caps", worst_reason="blurred", reasons=("blurred",), channels=())
BLOCKED = replace(SHIRT, id="3", kind=ReviewKind.BLOCKED)


def test_every_field_filters_and_an_empty_one_matches_everything() -> None:
    chosen = {
        ReviewFilter(): [SHIRT, CAP],
        ReviewFilter(reason="off-centre"): [SHIRT],
        ReviewFilter(category="caps"): [CAP],
        ReviewFilter(channel="ebay"): [SHIRT],
        ReviewFilter(model_version="turbo/1"): [],
        ReviewFilter(sku="shirt"): [SHIRT, CAP],
        ReviewFilter(since=NOW): [SHIRT, CAP],
        ReviewFilter(since=NOW + timedelta(days=1)): [],
        ReviewFilter(blocked=True): [BLOCKED],
    }
    for filters, expected in chosen.items():
        assert [item for item in (SHIRT, CAP, BLOCKED) if filters.matches(item)] == expected, filters


def test_choices_are_counted_most_frequent_first() -> None:
    choices = find_choices([SHIRT, CAP, BLOCKED])
    assert choices.reasons == (FilterChoice("blurred", 2), FilterChoice("off-centre", 1))
    assert choices.categories == (FilterChoice("caps", 1), FilterChoice("shirts", 1))
    assert (choices.channels, choices.blocked) == ((FilterChoice("ebay", 1),), 1)


def test_of_what_the_gates_refused_only_its_own_values_are_offered() -> None:
    choices = find_choices([SHIRT, CAP, BLOCKED], blocked=True)
    assert (choices.categories, choices.blocked) == ((FilterChoice("shirts", 1),), 1)


def test_groups_stand_in_the_order_of_their_most_urgent_item() -> None:
    groups = group_items([SHIRT, CAP, BLOCKED], shown=1)
    assert [(group.reason, group.count, group.worst) for group in groups] == [
        ("off-centre", 2, ("1",)), ("blurred", 1, ("2",)),
    ]  # fmt: skip
