"""Addresses of the review console: filters survive the way through an address, and nothing else comes out of one."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import OptionError
from catalogs.reviews.review_filter import ReviewFilter
from flows.web.review.review_addresses import ReviewAddresses, parse_addresses

BASE = "/catalogues/shop/review"
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
DAYS = st.none() | st.dates(datetime(2000, 1, 1).date(), datetime(2100, 1, 1).date()).map(
    lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)
)


@given(TEXT, TEXT, TEXT, TEXT, TEXT, DAYS, st.booleans(), TEXT)
def test_filters_and_group_come_back_from_every_address(
    reason: str, category: str, channel: str, version: str, sku: str, since: datetime | None, blocked: bool, group: str
) -> None:
    filters = ReviewFilter(reason, category, channel, version, sku, since, blocked)
    addresses = ReviewAddresses(BASE, filters, group)
    for address in (addresses.next(), addresses.grid("grid"), addresses.item("ab-cd", "accepted", open="refuse")):
        parts = urlsplit(address)
        assert not parts.netloc
        assert parts.path.startswith(BASE)
        assert parse_addresses(BASE, dict(parse_qsl(parts.query, keep_blank_values=True))) == addresses


def test_the_start_page_keeps_the_filters_and_leaves_the_group() -> None:
    addresses = ReviewAddresses(BASE, ReviewFilter(category="mugs"), "blurred")
    assert addresses.start("all-done") == f"{BASE}?category=mugs&said=all-done"
    assert addresses.base == BASE


def test_the_name_of_a_picture_cannot_lead_out_of_its_item() -> None:
    assert ReviewAddresses(BASE).image("ab", "../../x?y#z") == f"{BASE}/items/ab/images/..%2F..%2Fx%3Fy%23z"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is no day; write it as 2026-11-30."),
        ({"sku": "x" * 501}, "sku: 501 characters are too many; give at most 500."),
        ({"group": "x" * 501}, "group: 501 characters"),
    ],
)
def test_a_value_that_no_filter_can_have_is_refused_by_its_name(query: dict[str, str], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        parse_addresses(BASE, query)
