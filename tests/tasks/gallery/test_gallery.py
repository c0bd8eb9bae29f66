"""Gallery: what changed between releases, what is blurred, and what is kept between requests."""

from catalogs.answers.answer import AnswerKind
from tests.fixtures.gallery_shop import GalleryShop


def test_a_release_says_what_it_changed_against_the_one_before(shop: GalleryShop) -> None:
    first = shop.release("r1", {"a/front": "red", "b/front": "blue", "c/front": "x"})
    second = shop.release("r2", {"a/front": "green", "b/front": None, "d/front": "y"})
    gallery = shop.gallery
    older, newer = gallery.releases.find(first), gallery.releases.find(second)
    assert older is not None
    assert newer is not None
    found = gallery.difference(newer)
    assert found is not None
    assert [item.sku for item in found.new_items(0, 9)] == ["d"]
    assert [item.sku for item in found.gone_items(0, 9)] == ["b"]
    assert [pair.after.sku for pair in found.replaced_items(0, 9)] == ["a"]
    assert gallery.difference(newer) is found
    everything = gallery.difference(older)
    assert everything is not None
    assert (len(everything.new), len(everything)) == (3, 3)


def test_what_a_person_accepted_although_it_is_explicit_is_blurred_from_the_next_release_on(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    gallery = shop.gallery
    assert gallery.sensitive_slots() == frozenset()
    shop.answer("a/front", AnswerKind.ACCEPT, reasons=("explicit",))
    shop.answer("b/front", AnswerKind.ACCEPT, reasons=("blurred",))
    shop.release("r2", {"c/front": "x"})
    assert gallery.sensitive_slots() == {shop.slot("a/front")}


def test_every_slot_that_shows_an_explicit_image_is_blurred_whichever_was_answered(shop: GalleryShop) -> None:
    """Ten sizes of one shirt share an image, and one answer."""
    shop.release("r1", {"small/front": "red", "large/front": "red", "other/front": "blue"})
    shop.answer("small/front", AnswerKind.ACCEPT, reasons=("nudity.exposed",))
    gallery = shop.gallery
    assert gallery.sensitive_slots() == {shop.slot("small/front"), shop.slot("large/front")}
    shop.release("r2", {"large/front": "green"})
    assert gallery.sensitive_slots() == {shop.slot("small/front")}, "it shows another image now"
