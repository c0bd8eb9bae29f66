"""Nearest images: from the scores that runs stored, the newest first."""

import pytest

from catalogs.policy.schema import load_policy
from tasks.gallery import nearest_images
from tasks.gallery.nearest_images import NearestImages, read_nearest_images
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.store_scenarios import CATALOGUE


def nearest(shop: GalleryShop) -> NearestImages:
    gallery = shop.gallery
    release = gallery.releases.find()
    assert release is not None
    return gallery.nearest(release)


def images_of(found: NearestImages, score: str) -> list[tuple[str, float]]:
    return [(item.sku, near.value) for rule in found.rules if rule.rule.score == score for item, near in rule.images]


def test_the_images_nearest_to_each_limit_come_first(shop: GalleryShop) -> None:
    labels = {f"{word}/front": word for word in ("red", "blue", "green", "old")}
    shop.release(RUN_ID, labels)
    shop.release("r2", {"old/front": "new"})
    scores = {"red": 0.0, "blue": 3.0, "green": 0.5, "old": 0.9}
    shop.measure(RUN_ID, labels, {word: {"edges.touched": value} for word, value in scores.items()})
    found = nearest(shop)
    assert images_of(found, "edges.touched") == [("blue", 3.0), ("green", 0.5), ("red", 0.0)]
    assert (found.looked_at, found.live) == (3, 4)


def test_newer_runs_are_read_first_and_others_are_not_looked_at(
    shop: GalleryShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest_images, "MAX_IMAGES", 2)
    for number, run_id in enumerate(["20261101", "20261103", "20261102"]):
        labels = {f"s{number}/front": f"word{number}"}
        shop.release(run_id, labels)
        shop.measure(run_id, labels, {f"word{number}": {"edges.touched": float(number)}})
    found = nearest(shop)
    assert sorted(images_of(found, "edges.touched")) == [("s1", 1.0), ("s2", 2.0)]
    assert (found.looked_at, found.live) == (2, 3)


def test_a_policy_s_own_scene_rules_say_what_is_measured_of_a_product_on_a_stage(shop: GalleryShop) -> None:
    labels = {"a/front": "red", "b/front": "blue"}
    shop.release(RUN_ID, labels)
    measured = {"edges.touched": 2.0, "fill.side": 0.3}
    on_stage = measured | {"kept.broken": 0.0, "kept.scene": 1.0}
    shop.measure(RUN_ID, labels, {"red": on_stage, "blue": measured})
    assert sorted(images_of(nearest(shop), "edges.touched")) == [("a", 2.0), ("b", 2.0)]
    assert set(images_of(nearest(shop), "fill.side")) == {("b", 0.3)}, "the built-in rules"
    release = shop.gallery.releases.find()
    assert release is not None
    own = load_policy("extends: default@2\nscenes: {not_judged: {edges.touched: a shelf, fill.side: null}}", "own.yaml")
    version_and_index = release.version, shop.gallery.index(release)
    found = read_nearest_images(shop.scenario.store, shop.scenario.tables, CATALOGUE, version_and_index, own)
    assert images_of(found, "edges.touched") == [("b", 2.0)]
    assert set(images_of(found, "fill.side")) == {("a", 0.3), ("b", 0.3)}


def test_without_scores_nothing_is_near(shop: GalleryShop) -> None:
    shop.release(RUN_ID, {"a/front": "red"})
    assert nearest(shop) == NearestImages([], 0, 1)
