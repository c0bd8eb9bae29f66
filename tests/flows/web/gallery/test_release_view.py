"""Release view: one page of images, and what the filters offer."""

import pytest

from catalogs.gallery.release_filter import ReleaseFilter
from flows.web.gallery import release_view
from flows.web.gallery.release_view import view_changes, view_release
from tests.fixtures.gallery_shop import GalleryShop


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_view, "PAGE_IMAGES", 2)


def test_pages_lead_forth_and_back(shop: GalleryShop) -> None:
    shop.release("r1", {f"{name}/front": name for name in "abcde"})
    gallery = shop.gallery
    release = gallery.releases.find()
    assert release is not None
    pages = [view_release(gallery, release, ReleaseFilter(), start) for start in (0, 2, 4)]
    assert [[item.sku for item in page.items] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert [(page.before, page.following) for page in pages] == [(None, 2), (0, 4), (2, None)]
    assert {(page.count, page.skus, page.total) for page in pages} == {(5, 5, 5)}


def test_what_is_chosen_is_offered_even_where_nothing_has_it(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "a/back": "blue"}, channels=["ebay"])
    gallery = shop.gallery
    release = gallery.releases.find()
    assert release is not None
    view = view_release(gallery, release, ReleaseFilter(view="side"), 0)
    assert view.options == {
        "view": {"back": 1, "front": 1, "side": 0},
        "variant": {"a": 2},
        "channel": {"ebay": 2},
        "model": {"stub@0": 2},
        "mode": {"generate": 2},
    }
    assert view.count == 0


def test_changes_begin_with_a_kind_that_has_images_and_are_paged(shop: GalleryShop) -> None:
    shop.release("r1", {f"{name}/front": name for name in "abcde"})
    shop.release("r2", {f"{name}/front": f"new {name}" for name in "abc"})
    gallery = shop.gallery
    release = gallery.releases.find()
    assert release is not None
    view = view_changes(gallery, release, "", 0)
    assert view is not None
    assert (view.kind, dict(view.counts)) == ("replaced", {"new": 0, "replaced": 3, "gone": 0})
    assert [pair.after.sku for pair in view.replaced] == ["a", "b"]
    assert (view.before, view.following) == (None, 2)
    last = view_changes(gallery, release, "replaced", 2)
    assert last is not None
    assert ([pair.after.sku for pair in last.replaced], last.before, last.following) == (["c"], 0, None)
