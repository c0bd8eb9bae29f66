"""Release index: pages, facets and slots against a look at every row."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.gallery.release_filter import ReleaseFilter
from catalogs.gallery.release_index import ReleaseItem
from tests.catalogs.gallery.release_rows import Row, index_of, row

SKUS = st.sampled_from(["", "A", "AB", "AB-1", "Ab", "B", "Ä", "<b>", "\u202eabc", "𝄞", "z" * 500])
SHAPES = st.tuples(st.sampled_from(["front", "back"]), st.sampled_from(["a", "b"]), st.sampled_from([0, 1, 32767]))
CHANNELS = st.lists(st.sampled_from(["amazon-main", "ebay"]), unique=True)
MODELS = st.sampled_from([None, "z-image-turbo/1", "z-image-turbo/2"])
ROWS = st.lists(
    st.builds(
        lambda sku, shape, channels, version: row(sku, *shape, channels=channels, model_version=version),
        SKUS,
        SHAPES,
        CHANNELS,
        MODELS,
    ),
    unique_by=lambda each: each["slot_id"],
    max_size=30,
)
FILTERS = st.builds(
    ReleaseFilter,
    SKUS,
    st.sampled_from(["", "front", "none"]),
    st.sampled_from(["", "b"]),
    st.sampled_from(["", "ebay"]),
    st.sampled_from(["", "z-image-turbo", "z-image-turbo/2"]),
)


def names(items: list[ReleaseItem]) -> list[tuple[str, str, str, int]]:
    return [(item.sku, item.view, item.variant, item.index) for item in items]


def expected(rows: list[Row], wanted: ReleaseFilter) -> list[tuple[str, str, str, int]]:
    """Say the same as the index, row by row."""
    return sorted(
        (each["sku"], each["view"], each["variant"], each["index"])
        for each in rows
        if each["sku"].startswith(wanted.sku)
        and wanted.view in ("", each["view"])
        and wanted.variant in ("", each["variant"])
        and (not wanted.channel or wanted.channel in each["channels"])
        and wanted.model in ("", each["model_version"] or each["model"])
    )


@given(ROWS, FILTERS, st.integers(1, 5))
def test_pages_are_what_a_look_at_every_row_says_in_order_and_without_a_gap(
    rows: list[Row], wanted: ReleaseFilter, count: int
) -> None:
    index, pages = index_of(*rows), []
    start: int | None = 0
    while start is not None:
        page = index.page(wanted, start, count)
        pages += names(index.items(page.positions))
        assert len(page.positions) == count or page.following is None
        if page.following is not None:
            assert index.page_before(wanted, page.following, count) == page.positions[0]
        start = page.following
    assert pages == expected(rows, wanted)
    assert names(index.items(index.matching(wanted))) == pages


@given(ROWS, FILTERS)
def test_facets_count_what_a_filter_lets_through(rows: list[Row], wanted: ReleaseFilter) -> None:
    index = index_of(*rows)
    positions = index.matching(wanted)
    items, facets = index.items(positions), index.facets(positions)
    for name in ("view", "variant", "model", "mode"):
        values = [getattr(item, name) for item in items]
        assert facets[name] == {value: values.count(value) for value in set(values)}
    channels = [channel for item in items for channel in item.channels]
    assert facets["channel"] == {channel: channels.count(channel) for channel in set(channels)}
    assert index.count_skus(positions) == len({item.sku for item in items})


@given(ROWS, st.integers())
def test_every_slot_is_found_with_its_own_columns_whatever_the_order_of_the_rows(rows: list[Row], seed: int) -> None:
    index = index_of(*Random(seed).sample(rows, len(rows)), batch_rows=4)
    for each in rows:
        position = index.find(each["slot_id"])
        assert position is not None
        assert index.item(position) == ReleaseItem(
            each["slot_id"],
            each["sku"],
            each["view"],
            each["variant"],
            each["index"],
            each["model_version"] or each["model"],
            tuple(each["channels"]),
            each["file_sha"].hex()[:16],
        )
        siblings = index.items(index.siblings(position))
        assert names(siblings) == [name for name in expected(rows, ReleaseFilter()) if name[0] == each["sku"]]


@pytest.mark.parametrize("slot", [b"", b"\x00" * 15, b"\x00" * 16, b"\xff" * 16, b"\x00" * 32])
def test_an_unknown_or_malformed_slot_is_not_found(slot: bytes) -> None:
    assert index_of(row("A"), row("B")).find(slot) is None


def test_an_empty_release_has_an_empty_page_and_no_facets() -> None:
    index = index_of()
    page = index.page(ReleaseFilter(view="front"), 0, 60)
    assert (len(index), len(page.positions), page.following) == (0, 0, None)
    assert index.facets(page.positions) == {"view": {}, "variant": {}, "channel": {}, "model": {}, "mode": {}}
    assert index.count_skus(page.positions) == 0
    assert index.find(b"\x00" * 16) is None


def test_a_position_past_the_end_is_an_empty_page() -> None:
    index = index_of(row("A"), row("B"))
    assert index.page(ReleaseFilter(), 10, 5).positions.tolist() == []
    assert index.page_before(ReleaseFilter(), 10, 5) == 0


def test_an_image_takes_some_forty_bytes() -> None:
    rows = [row(f"SKU-{number:06d}", view) for number in range(500) for view in ("front", "back", "side", "top")]
    index = index_of(*rows, batch_rows=500)
    assert len(index) == 2000
    assert index.nbytes / len(index) < 45
    assert index.files.dtype == np.uint64
