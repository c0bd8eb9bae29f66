"""Picture details: what is known of one image, what its slot showed before, and what is gone."""

from catalogs.answers.answer import AnswerKind
from tasks.gallery.picture_details import MAX_EARLIER, PictureDetails
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.run_rows import RUN_ID


def details_of(shop: GalleryShop, place: str, version: int | None = None) -> PictureDetails:
    gallery = shop.gallery
    release = gallery.releases.find(version)
    assert release is not None
    found = gallery.details(release, shop.slot(place))
    assert found is not None
    return found


def test_an_image_has_its_row_its_scores_and_its_skus_other_images(shop: GalleryShop) -> None:
    labels = {"a/front": "red", "a/back": "blue", "b/front": "green"}
    shop.release(RUN_ID, labels)
    shop.measure(RUN_ID, labels, {"red": {"blur.foreground": 500.0, "edges.touched": 9.0}})
    found = details_of(shop, "a/front")
    assert (found.item.sku, found.row["view"], found.measured and found.measured.prompt) == ("a", "front", "red")
    assert [item.view for item in found.siblings] == ["back"]
    past = [finding for finding in found.findings if finding.is_past_limit]
    assert [finding.score for finding in past] == ["edges.touched"]
    assert "wanted at most" in past[0].sentence
    assert (found.answers, found.standing, found.earlier) == ([], None, [])


def test_what_a_slot_showed_before_is_found_release_by_release(shop: GalleryShop) -> None:
    first = shop.release("r1", {"a/front": "red", "b/front": "x"})
    second = shop.release("r2", {"b/front": "y"})
    third = shop.release("r3", {"a/front": "blue"})
    fourth = shop.release("r4", {"a/front": "green"})
    assert [earlier.release.version for earlier in details_of(shop, "a/front").earlier] == [third, second]
    assert [earlier.release.version for earlier in details_of(shop, "a/front", third).earlier] == [second]
    assert details_of(shop, "a/front", second).earlier == details_of(shop, "a/front", first).earlier == []
    assert [earlier.release.version for earlier in details_of(shop, "b/front", fourth).earlier] == [first]


def test_a_slot_that_was_empty_between_ends_the_story_and_a_long_one_is_cut(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "x"})
    shop.release("r2", {"a/front": None})
    shop.release("r3", {"a/front": "blue"})
    assert details_of(shop, "a/front").earlier == []
    for number in range(MAX_EARLIER + 3):
        shop.release(f"s{number}", {"b/front": f"x{number}"})
    assert len(details_of(shop, "b/front").earlier) == MAX_EARLIER


def test_people_who_looked_at_this_very_image_are_named(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.answer("a/front", AnswerKind.ACCEPT, "anna", reasons=("nudity",))
    shop.answer("a/front", AnswerKind.REFUSE, "ben")
    found = details_of(shop, "a/front")
    assert [(answer.who, answer.kind) for answer in found.answers] == [("anna", "accept"), ("ben", "refuse")]
    assert found.standing is not None
    assert len(found.standing.conflict) == 2
    assert found.is_sensitive
    assert details_of(shop, "b/front").answers == []
    shop.release("r2", {"a/front": "green"})
    assert details_of(shop, "a/front").answers == []
    assert len(details_of(shop, "a/front", 1).answers) == 2


def test_marks_are_read_from_the_file_and_a_file_that_is_gone_is_named(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    assert details_of(shop, "a/front").marks == "there is no C2PA manifest"
    shop.lose_file("a/front")
    assert "not in the store" in details_of(shop, "a/front").marks


def test_an_unknown_slot_has_no_details(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    release = shop.gallery.releases.find()
    assert release is not None
    for slot in (shop.slot("a/back"), b"", b"x"):
        assert shop.gallery.details(release, slot) is None
