"""Kept releases: which can be looked at, and what stands before one."""

from catalogs import layout
from infra.stores.json_objects import write_json
from tests.fixtures.gallery_shop import GalleryShop


def test_a_catalogue_without_a_release_has_none(shop: GalleryShop) -> None:
    releases = shop.gallery.releases
    assert list(releases.all()) == []
    assert releases.find() is releases.find(0) is releases.find(7) is None


def test_releases_are_found_by_their_version_and_the_newest_without_one(shop: GalleryShop) -> None:
    first, second = shop.release("r1", {"a/front": "red"}), shop.release("r2", {"a/front": "blue"})
    releases = shop.gallery.releases
    assert [release.version for release in releases.all()] == [second, first]
    newest, older = releases.find(), releases.find(first)
    assert newest is not None
    assert older is not None
    assert (newest.version, newest.current, older.version, older.current) == (second, True, first, False)
    assert releases.before(newest) == older
    assert releases.before(older) is None
    assert releases.is_first(older)
    assert not releases.is_first(newest)


def test_a_version_without_changes_shows_the_release_before_it(shop: GalleryShop) -> None:
    version = shop.release("r1", {"a/front": "red"})
    table = layout.manifest_table(shop.scenario.catalogue)
    marked = shop.scenario.tables.mark(table, base_version=version, metadata={"kind": "fence"})
    found = shop.gallery.releases.find(marked)
    assert found is not None
    assert found.version == version
    assert shop.gallery.releases.find(marked + 1) is None


def test_what_a_sweep_took_away_is_not_found_and_the_oldest_left_is_not_the_first(shop: GalleryShop) -> None:
    first, second = shop.release("r1", {"a/front": "red"}), shop.release("r2", {"a/front": "blue"})
    write_json(shop.scenario.store, layout.retention_watermark(shop.scenario.catalogue), {"oldest": second})
    releases = shop.gallery.releases
    kept = releases.find(second)
    assert releases.find(first) is None
    assert kept is not None
    assert releases.before(kept) is None
    assert not releases.is_first(kept)


def test_a_new_release_is_seen_by_an_open_gallery(shop: GalleryShop) -> None:
    releases = shop.gallery.releases
    shop.release("r1", {"a/front": "red"})
    assert len(releases.all()) == 1
    shop.release("r2", {"a/front": "blue"})
    assert len(releases.all()) == 2
