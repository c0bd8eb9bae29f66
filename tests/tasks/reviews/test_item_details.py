"""What is beside an item comes from where it is: the release, the queue, the answers, the picture."""

from pathlib import Path

import pytest

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.errors import ItemNotFound
from tasks.answers.answer_log import write_answer
from tasks.reviews.item_details import ItemDetails
from tasks.reviews.review_queue import ReviewQueue
from tests.fixtures.review_scenarios import ASKED_AT, ReviewScenario, pixels_of_word
from tests.fixtures.store_scenarios import CATALOGUE, jpeg_of


def details_of(shop: ReviewScenario) -> tuple[ItemDetails, ReviewQueue]:
    queue = ReviewQueue(shop.store, shop.tables, CATALOGUE, 0.0)
    queue.look()
    return ItemDetails(shop.store, shop.tables, CATALOGUE, queue), queue


def test_a_neighbour_may_be_another_image_that_waits(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"cap/front": "near"})
    shop.wait({"shirt/front": "red"}, collides_with=pixels_of_word("near"))
    details, queue = details_of(shop)
    item = queue.waiting.item(queue.waiting.entries[shop.item_id("red")])
    neighbour = details.read(item).neighbour
    assert neighbour is not None
    assert (neighbour.sku, neighbour.state) == ("cap", "review")
    assert details.picture(item, "neighbour") == jpeg_of("near")


def test_what_lies_beside_an_item_is_checked_and_blurred_by_what_it_is_itself(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.release("r1", {"a/back": "blue"})
    shop.wait({"a/front": "red"})
    shop.wait({"a/side": "green"}, reasons=["nudity.exposed"], worst_reason="nudity.exposed")
    details, queue = details_of(shop)
    item = queue.waiting.item(queue.waiting.entries[shop.item_id("red")])
    views = {image.view: image for image in details.read(item).views}
    assert {view: image.is_sensitive for view, image in views.items()} == {"back": False, "side": True}
    assert details.picture(item, views["side"].which) == jpeg_of("green")
    for image in views.values():
        shop.store.write(image.object, jpeg_of("planted"))
        with pytest.raises(ItemNotFound, match="not the one that was judged"):
            details_of(shop)[0].picture(item, image.which)


def test_what_was_said_of_another_finish_is_shown_as_answered_before(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"})
    shop.wait({"b/front": "red+wide"})
    details, queue = details_of(shop)
    plain, wide = (queue.waiting.item(queue.waiting.entries[shop.item_id(word)]) for word in ("red", "red+wide"))
    queue.add(write_answer(shop.store, CATALOGUE, Answer(AnswerKind.ACCEPT, "ann", ASKED_AT, image=wide.target)))
    shown = details.read(plain)
    assert (shown.answers, [answer.who for answer in shown.answered_before]) == ((), ["ann"])


def test_an_item_of_an_older_index_is_bound_to_the_pixels_of_its_picture(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"}, pixel_sha=None)
    details, queue = details_of(shop)
    (entry,) = queue.in_order()
    assert details.pixels_of(queue.waiting.item(entry)) == pixels_of_word("red")


def test_an_item_without_a_picture_says_so(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({"a/front": "red"}, object=None)
    details, queue = details_of(shop)
    (entry,) = queue.in_order()
    with pytest.raises(ItemNotFound, match="no picture of this item"):
        details.picture(queue.waiting.item(entry), "shown")


def test_the_spot_is_the_box_of_what_is_past_its_limit_else_it_is_found_in_the_picture(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    nude = '{"nudity.genitals": 0.4}'
    box = '[["text: SALE", 0.1, 0.1, 0.2, 0.2, 0.9], ["nudity: face", 0.5, 0.5, 0.6, 0.6, 0.8]]'
    shop.wait({"a/front": "red"}, boxes=box, scores=nude, reasons=["nudity"], worst_reason="nudity")
    shop.wait({"b/front": "blue"})
    details, queue = details_of(shop)
    boxed, plain = (
        details.read(queue.waiting.item(queue.waiting.entries[shop.item_id(word)])) for word in ("red", "blue")
    )
    assert boxed.worst_spot is not None
    assert (boxed.worst_spot.label, boxed.worst_spot.left) == ("nudity: face", 0.5)
    assert [each.label for each in boxed.boxes][:2] == ["text: SALE", "nudity: face"]
    assert plain.worst_spot is not None
    assert (plain.worst_spot.label, plain.worst_spot.is_inside) == ("blur.foreground", True)
