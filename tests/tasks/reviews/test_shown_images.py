"""What the shop shows of the SKUs that wait is found in one pass, and found again where the release has moved."""

from pathlib import Path

import pytest

from tasks.reviews.shown_images import ShownImages, ShownImagesReader
from tests.fixtures.review_scenarios import pixels_of_word
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


def test_live_images_are_found_by_sku_and_by_their_pixels(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "shirt/back": "blue", "cap/front": "near", "bag/front": "other"})
    shown = ShownImages.read(shop.tables, CATALOGUE, {"shirt"}, {pixels_of_word("near")})
    assert sorted(image.view for image in shown.of_sku("shirt")) == ["back", "front"]
    near = shown.of_pixels(pixels_of_word("near"))
    assert near is not None
    assert near.sku == "cap"
    assert (shown.of_sku("bag"), shown.of_pixels(pixels_of_word("other")), shown.rows.num_rows) == ([], None, 3)


def test_a_catalogue_that_published_nothing_shows_nothing(tmp_path: Path) -> None:
    assert ShownImages.read(StoreScenario(tmp_path).tables, "bags", {"shirt"}, ()).of_sku("shirt") == []


def test_the_release_is_read_once_a_minute_and_for_other_skus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "red", "cap/front": "blue"})
    reader = ShownImagesReader(shop.tables, CATALOGUE)
    first = reader.get({"shirt", "cap"}, ())
    assert reader.get({"shirt"}, ()) is first
    shop.release("r2", {"shirt/front": "green"})
    reader.follow()
    assert reader.get({"shirt"}, ()) is first
    monkeypatch.setattr("tasks.reviews.shown_images.READ_AGAIN_SECONDS", 0.0)
    reader.follow()
    assert reader.get({"shirt"}, ()).of_sku("shirt")[0].pixel_sha == pixels_of_word("green")
    assert [image.view for image in reader.get({"cap"}, ()).of_sku("cap")] == ["front"]
