"""Measured images: what a run's folder still says of one attempt."""

from catalogs import layout
from tasks.gallery.measured_images import find_measured_image
from tests.fixtures.gallery_shop import SHARD, GalleryShop
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.store_scenarios import finish_digest_of, request_key_of

SCORES = {"blur.foreground": 42.5}


def test_an_attempt_s_scores_are_found_with_its_prompt_and_category(shop: GalleryShop) -> None:
    shop.measure(RUN_ID, {"a/front": "red", "b/front": "blue"}, {"red": SCORES}, category="mugs")
    found = find_measured_image(shop.scenario.store, RUN_ID, request_key_of("red"), finish_digest_of("red"), 0)
    assert found is not None
    assert (found.prompt, found.category, found.scores) == ("red", "mugs", SCORES)
    assert found.scanners == {"fingerprint": "1", "pixels": "1"}


def test_another_attempt_finish_run_or_a_swept_record_says_nothing(shop: GalleryShop) -> None:
    shop.measure(RUN_ID, {"a/front": "red"}, {"red": SCORES})
    store, key, finish = shop.scenario.store, request_key_of("red"), finish_digest_of("red")
    assert find_measured_image(store, RUN_ID, key, finish, 1) is None
    assert find_measured_image(store, RUN_ID, key, finish_digest_of("red+wide"), 0) is None
    assert find_measured_image(store, RUN_ID, request_key_of("blue"), finish, 0) is None
    assert find_measured_image(store, "another", key, finish, 0) is None
    store.delete([layout.RunFiles(RUN_ID).record(SHARD)])
    assert find_measured_image(store, RUN_ID, key, finish, 0) is None
