"""Groups, tiles and filters in words."""

from dataclasses import replace

from catalogs.reviews.review_filter import FilterChoice, FilterChoices, ReviewFilter, ReviewGroup
from catalogs.reviews.review_item import ReviewItem, ReviewKind, ReviewSlot
from flows.web.review.group_view import MAX_OPTIONS, name_group, view_choices, view_group, view_tile
from flows.web.review.review_addresses import ReviewAddresses

ADDRESSES = ReviewAddresses("/r", ReviewFilter(category="mugs"))
ITEM = ReviewItem(
    "aa-ff", ReviewKind.REVIEW, (ReviewSlot(b"1", "MUG-1", "front", "a", 0),), ("blurred", "cut-off"), b"r",
    worst_reason="blurred", object="x.jpg",
)  # fmt: skip


def test_a_group_is_named_in_words_and_leads_to_its_own_items_under_the_same_filters() -> None:
    group = view_group(ReviewGroup("duplicate-near", 1200, ("aa-ff",)), [ITEM], ADDRESSES)
    assert group.words == "It is almost the same as another SKU's image"
    assert group.count == "1,200"
    assert group.addresses.next() == "/r/next?category=mugs&group=duplicate-near"
    assert group.worst[0].url == "/r/items/aa-ff?category=mugs&group=duplicate-near"


def test_samples_and_held_batches_have_names_of_their_own() -> None:
    assert name_group("passed") == "Samples of what passed every gate"
    assert name_group("held") == "Images of held batches"
    assert name_group("") == "Without a reason"


def test_a_tile_names_the_other_reasons_and_shows_a_small_image() -> None:
    tile = view_tile(ITEM, ADDRESSES)
    assert (tile.name, tile.also, tile.is_veiled) == ("MUG-1, front", "also cut off", False)
    assert tile.thumbnail == "/r/items/aa-ff/images/thumbnail"


def test_an_explicit_image_is_veiled_until_somebody_asks() -> None:
    explicit = replace(ITEM, reasons=("explicit",))
    assert view_tile(explicit, ADDRESSES).is_veiled
    assert not view_tile(explicit, ADDRESSES, is_unveiled=True).is_veiled


def test_a_prompt_without_an_image_is_shown_as_its_words() -> None:
    tile = view_tile(replace(ITEM, kind=ReviewKind.PROMPT, object="", prompt="Naked Flame Lamp"), ADDRESSES)
    assert (tile.thumbnail, tile.prompt) == ("", "Naked Flame Lamp")


def test_filters_offer_what_there_is_and_keep_what_was_chosen() -> None:
    choices = FilterChoices(reasons=(FilterChoice("cut-off", 3),), categories=(FilterChoice("mugs", 2),), blocked=4)
    reason, category, blocked = view_choices(choices, ReviewFilter(category="vases"))
    assert reason.options == (("cut-off", "cut off (3)"),)
    assert category.options == (("mugs", "mugs (2)"), ("vases", "vases (0)"))
    assert category.chosen == "vases"
    assert blocked.options == (("1", "what the gates refused (4)"),)


def test_ten_thousand_categories_do_not_make_a_page_of_ten_thousand_options() -> None:
    choices = FilterChoices(categories=tuple(FilterChoice(f"c{n}", 1) for n in range(10_000)))
    assert len(view_choices(choices, ReviewFilter())[0].options) == MAX_OPTIONS
